-- Opens each transaction of ours, whatever the role's own defaults are.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
{lead}
