-- The so-manieth of these milestones behind a key, or the last of them, and how many there are: another runner may have passed
-- some.
SELECT ARRAY[{texts}], sqlrail_all
  FROM (SELECT t.*, row_number() OVER (ORDER BY {keys}) AS sqlrail_number, count(*) OVER () AS sqlrail_all
          FROM (SELECT {read} FROM unnest({milestones}::text[]) AS key (texts)) AS t
         WHERE ({behind}) AND {within}) AS t
 WHERE sqlrail_number = least({wanted}, sqlrail_all);
