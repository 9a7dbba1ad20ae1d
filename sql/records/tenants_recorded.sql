-- What many schemas have recorded; a table that is locked is not waited for without end. Times are to be put in order.
{limit}
SET LOCAL datestyle = 'ISO';
{each};
