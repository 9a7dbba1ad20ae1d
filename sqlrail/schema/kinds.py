"""The kinds of objects that a database is made of: which query finds each, and what comes first among those made."""

from __future__ import annotations

from sqlrail.ground.words import by_order

#: Each kind with its query, sql/schema/_catalog_<query>.sql; a stage comes before the next where nothing depends on
#: anything, and all of one table comes together.
STAGES: tuple[dict[str, str], ...] = (
    {"schema": "schemas"},
    {"extension": "extensions"},
    {"sharded schema": "distribution"},
    {
        "collation": "operators", "text search dictionary": "search", "text search configuration": "search",
        "access method": "servers", "foreign data wrapper": "servers", "server": "servers",
    },
    {
        "enum": "types", "range": "types", "composite type": "types", "domain": "domains", "field": "types",
        "domain constraint": "domains",
    },
    {
        "function": "functions", "procedure": "functions", "aggregate": "aggregates", "operator": "operators",
        "cast": "operators", "sequence": "sequences",
    },
    {
        "table": "tables", "column": "columns", "default": "columns", "identity": "columns", "option": "settings",
        "constraint": "constraints", "index": "indexes", "statistics": "indexes",
    },
    {"distribution": "distribution"},
    {"foreign key": "constraints"},
    {"link": "tables"},
    {"replica identity": "settings"},
    {"owner": "sequences"},
    {"view": "views", "materialized view": "views"},
    {"rule": "triggers", "trigger": "triggers", "trigger state": "triggers", "policy": "triggers"},
    {"publication": "publications", "published table": "publications", "published schema": "publications"},
    {"other": "rest"},
    {"privilege": "privileges"},
    {"event trigger": "triggers"},
)  # fmt: skip
#: where each kind comes
STAGE = {kind: stage for stage, kinds in enumerate(STAGES) for kind in kinds}
#: of what makes nothing
NO_STAGE = STAGE["other"]

#: queries about the objects of all others, in the order in which they are asked behind these
ABOUT_OBJECTS = ("groups", "comments", "owners", "casts", "privileges", "depends")
#: queries that give objects, in the order in which they are asked (STAGES has that of what is printed); one that is not
#: here comes last
ORDER = (
    "schemas", "extensions", "types", "domains", "sequences", "functions", "tables", "columns", "constraints",
    "indexes", "views", "triggers", "settings", "aggregates", "operators", "search", "publications", "servers", "rest",
)  # fmt: skip
OBJECTS = by_order({query for kinds in STAGES for query in kinds.values()} - {*ABOUT_OBJECTS}, ORDER)
PARTS = (*OBJECTS, *ABOUT_OBJECTS)

#: what columns are of: dropped last, and made again under their eyes
TYPES = ("enum", "range", "composite type", "domain")
#: what has columns, or is asked as if it had
RELATIONS = ("table", "view", "materialized view")
#: what has other parts than those have
PARTS_OF = {"domain constraint": "domain", "field": "composite type", "owner": "sequence"}
#: what a new one lets everybody do
EVERYBODY = {
    "function": "EXECUTE", "procedure": "EXECUTE", "aggregate": "EXECUTE", "enum": "USAGE", "range": "USAGE",
    "domain": "USAGE", "composite type": "USAGE",
}  # fmt: skip
