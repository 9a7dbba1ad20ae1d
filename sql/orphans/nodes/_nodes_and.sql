-- A part of a WITH, in front of the next.
{first},

