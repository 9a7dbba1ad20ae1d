-- Whether a rehearsed transaction has changed what all databases of the server share.
{shared};
