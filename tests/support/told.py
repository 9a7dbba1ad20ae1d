"""Which chapter of the story of look-alikes sends which file of sql/: tests/told.json has the first that does.

python tests/support/told.py    tells them all on the newest PostgreSQL, and writes it anew
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from conftest import FAST, majors, open_folder  # noqa: E402
from lookalikes import CHAPTERS, plant, reaching, tell  # noqa: E402

from sqlrail.server import local  # noqa: E402

LIST = ROOT / "tests" / "told.json"
#: why the story does without a file of sql/
UNTOLD = {
    "no name in it is looked up": {
        "_provider_c", "_provider_i", "_provider_i_rules", "create_database", "drop_unused", "limits_tcp",
    },
    "it is printed, and for people to send": {"_renamed_table", "forget_nameless", "yoyo_log", "yoyo_versioned"},
    "it is sent where nobody else may create: to a server, or in a database, of ours": {
        "count_queries", "counts_queries", "roles_drop", "roles_left", "roles_make", "roles_share", "scratch_extension",
        "trial_names",
    },
    "it takes a crash, a standby, or an extension that only one database can have": {
        "contract_statements", "counted_queries", "detaching", "extension_schemas", "standby",
    },
    "it takes a cluster of Citus, see tests/promises/test_citus_*.py": {
        "_nodes_and", "_nodes_child_key", "_nodes_counted", "_nodes_delete_many", "nodes_delete_many",
        "_nodes_enough", "_nodes_found", "_nodes_gone", "_nodes_has_parents",
        "_nodes_lost", "_nodes_mixed", "_nodes_orphan", "_nodes_parents_found", "_nodes_staged", "_nodes_still_lost",
        "_nodes_still_null", "_nodes_unsettled", "_nodes_with",
        "_backfill_on_shard", "backfill_elsewhere", "backfill_milestone", "backfill_milestones", "backfill_nodes",
        "backfill_seen", "backfill_sizes_nodes", "backfill_take_span", "backfill_two_phases",
        "nodes_archive_packs", "nodes_connections", "restore_unpack",
        "nodes_archive", "nodes_archived", "nodes_copy", "nodes_count", "nodes_count_rows", "nodes_delete",
        "nodes_delete_batch", "nodes_durable", "nodes_enough", "nodes_everywhere",
        "nodes_find_apart", "nodes_find_keys", "nodes_find_rows", "nodes_found", "nodes_here", "nodes_hold",
        "nodes_mended", "nodes_missing", "nodes_now", "nodes_parallel", "nodes_placement", "nodes_put",
        "nodes_put_over", "nodes_recover", "nodes_rows", "nodes_sample", "nodes_set", "nodes_size",
        "nodes_take", "nodes_taken", "nodes_two_phases", "is_sharded", "limits_citus",
        "waits_citus", "plan_live_nodes", "any_rows_nodes",
        "distributed", "made_here", "scratch_sharded", "tenants_elsewhere",
        "cluster_apart", "cluster_in_doubt", "cluster_leftover", "cluster_no_placement", "cluster_node",
    },
    "it is no statement of ours": {"seed"},
}  # fmt: skip


#: what is sent wherever something takes long, and the chapter in which something does
SURE = {"sql/postgres/waits.sql": "standing_in_the_way"}


def told() -> dict[str, list[str]]:
    """The files by their chapters, as the list has them."""
    found: dict[str, list[str]] = json.loads(LIST.read_text())
    return found


def untold() -> set[str]:
    """The names of files that the story does without."""
    return set[str]().union(*UNTOLD.values())


def flaws(chapters: dict[str, list[str]]) -> list[str]:
    """Files that no chapter sends, or that are none."""
    files = {path.relative_to(ROOT).as_posix(): path.stem for path in (ROOT / "sql").rglob("*.sql")}
    sent = set[str]().union(*chapters.values())
    missing = {file for file, name in files.items() if file not in sent and name not in untold()}
    return [
        *(f"no chapter sends {it}" for it in sorted(missing)),
        *(f"no {it}" for it in sorted(sent - {*files})),
    ]


def main() -> int:
    """Says what is still wrong; 1 if anything is."""
    chapters, sent = dict[str, list[str]](), set[str]()
    with open_folder() as folder:
        server = local.start(folder / "pg", bin=majors()[max(majors())], options=FAST)
        try:
            plant(server.url)
            for name in CHAPTERS:
                with reaching() as places:
                    tell(name, server.url)
                places -= {file for file, home in SURE.items() if home != name}
                chapters[name] = sorted(it for it in places - sent if it.endswith(".sql"))
                sent |= places
        finally:
            local.stop(folder / "pg")
    LIST.write_text(json.dumps(chapters, indent=1) + "\n")
    wrong = flaws(chapters)
    sys.stdout.writelines(f"{it}\n" for it in wrong)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
