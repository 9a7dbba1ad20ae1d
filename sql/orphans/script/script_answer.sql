-- Asked before the look, which shall read no other tables than this script was written for, and again under the locks, where
-- the answer holds to the end.
DO $answer$
DECLARE
    answer text;
BEGIN
    EXECUTE current_setting({question}) INTO answer;
    PERFORM set_config({answer}, answer, true);
END
$answer$;
