-- By a list if there is one; of these two no more than one is left when it is planned.
{listed}
        OR {transactions} IS NULL AND {aged}
