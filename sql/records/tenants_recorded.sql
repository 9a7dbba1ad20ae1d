-- What many schemas have recorded; a table that is locked is not waited for without end.
{limit}
{each};
