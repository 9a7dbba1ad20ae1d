-- How many values of a live table do not fit a type: each is assigned to a variable of that type, as ALTER TYPE assigns it to the
-- column, where a cast in a query would cut it to fit. A subtransaction for each {step} pages, and one for each row of those
-- among which one fails. Nothing is written; the result goes through a setting that ends with the transaction.
DO $sqlrail$
#variable_conflict use_column
DECLARE
    sqlrail_value {type};
    sqlrail_it record;
    sqlrail_one record;
    sqlrail_page bigint := 0;
    sqlrail_end tid;
    sqlrail_unfit bigint := 0;
    sqlrail_state text;
    sqlrail_places text[] := '{{}}';
BEGIN
    LOOP
        -- What lies behind the pages that were counted goes with the last of them.
        sqlrail_end := CASE WHEN sqlrail_page + {step} < {pages} THEN format('(%s,0)', sqlrail_page + {step}) ELSE '(4294967295,0)' END;
        BEGIN
            FOR sqlrail_it IN SELECT {expression} AS value FROM {rows} AS {alias}
                               WHERE "sqlrail row" >= format('(%s,0)', sqlrail_page)::tid AND "sqlrail row" < sqlrail_end LOOP
                {value} := sqlrail_it.value;
                {refusing}
            END LOOP;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR feature_not_supported THEN
            FOR sqlrail_it IN SELECT "sqlrail row" AS place FROM {rows} AS {alias}
                               WHERE "sqlrail row" >= format('(%s,0)', sqlrail_page)::tid AND "sqlrail row" < sqlrail_end LOOP
                BEGIN
                    SELECT {expression} AS value INTO sqlrail_one FROM {rows} AS {alias} WHERE "sqlrail row" = sqlrail_it.place;
                    {value} := sqlrail_one.value;
                    {refusing}
                EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR feature_not_supported THEN
                    sqlrail_unfit := sqlrail_unfit + 1;
                    sqlrail_state := coalesce(sqlrail_state, SQLSTATE);
                    IF cardinality(sqlrail_places) < {most} THEN
                        sqlrail_places := sqlrail_places || sqlrail_it.place::text;
                    END IF;
                END;
            END LOOP;
        END;
        sqlrail_page := sqlrail_page + {step};
        EXIT WHEN sqlrail_page >= {pages};
    END LOOP;
    PERFORM set_config('sqlrail.unfit', jsonb_build_array(sqlrail_unfit, sqlrail_state, sqlrail_places)::text, true);
END
$sqlrail$;
SELECT current_setting('sqlrail.unfit')::jsonb AS found;
