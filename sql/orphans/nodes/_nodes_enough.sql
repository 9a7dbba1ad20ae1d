-- All of them, where no node may be asked for a number that hangs on another question.
(SELECT count(*) FROM {child})
