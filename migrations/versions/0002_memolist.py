"""Memolist's tables in schema `public`: made where they do not exist, completed where they do, otherwise left alone.

They may be Prisma's, so they get no index, check or trigger, and `tts.created_in_public` remembers what is ours.
"""

from alembic import op
from sqlalchemy import text

from migrations import MigrationRefused

revision = "0002"
down_revision = "0001"

# What this migration made in public, and a downgrade may drop. As a regclass, since a table that was dropped and made
# anew under the same name (prisma migrate reset) is no longer ours; column_name is '' for a whole table.
CREATED = """
CREATE TABLE tts.created_in_public (
    relation regclass NOT NULL,
    column_name text NOT NULL,
    PRIMARY KEY (relation, column_name)
)
"""

TABLES = {
    "Deck": {
        "id": "TEXT PRIMARY KEY",
        "userId": "TEXT NOT NULL",
    },
    "Card": {
        "id": "TEXT PRIMARY KEY",
        "deckId": "TEXT NOT NULL",
        "audioUrlEn": "TEXT",
        "audioUrlFr": "TEXT",
    },
    "TtsJob": {
        "id": "TEXT PRIMARY KEY",
        "userId": "TEXT",
        "deckId": "TEXT",
        "status": "TEXT DEFAULT 'pending'",
        "totalPhrases": "INTEGER NOT NULL",
        "processedCount": "INTEGER DEFAULT 0",
        "errorMessage": "TEXT",
        "phrases": "JSONB NOT NULL",
        "resultUrls": "JSONB",
        "createdAt": "TIMESTAMP DEFAULT NOW()",
        "updatedAt": "TIMESTAMP DEFAULT NOW()",
        "startedAt": "TIMESTAMP",
        "completedAt": "TIMESTAMP",
    },
}

# Without these a table is not Memolist's, and adding them would not make it so.
EXPECTED = {"Deck": {"id", "userId"}, "Card": {"id", "deckId"}, "TtsJob": {"id"}}

# The types that serve as well as the brief's own, by their first word. S is Postgres' category of all strings.
GOOD_TYPES = {"TEXT": "S", "INTEGER": "int4 int8", "JSONB": "jsonb", "TIMESTAMP": "timestamp"}


def upgrade() -> None:
    op.execute(CREATED)
    existing = {table: _columns(table) for table in TABLES}
    _refuse([problem for table, columns in existing.items() if columns for problem in _problems(table, columns)])
    for table, columns in existing.items():
        if columns:
            _complete(table, columns)
        else:
            _create(table)


def _columns(table: str) -> dict[str, tuple[str, str, str]]:
    """The columns of a table, each with the name, the category and the SQL spelling of its type; none if there is no such table."""
    rows = op.get_bind().execute(
        text(
            """
            SELECT attname, typname, typcategory::text, format_type(atttypid, atttypmod)
            FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
            WHERE attrelid = to_regclass(:relation) AND attnum > 0 AND NOT attisdropped
            """
        ),
        {"relation": f'public."{table}"'},
    )
    return {name: (typename, category, spelling) for name, typename, category, spelling in rows}


def _problems(table: str, columns: dict[str, tuple[str, str, str]]) -> list[str]:
    missing = [f'public."{table}" has no column "{column}"' for column in sorted(EXPECTED[table] - columns.keys())]
    return missing + [
        f'public."{table}"."{column}" is {columns[column][2]} and must be {wanted.split()[0].lower()}'
        for column, wanted in TABLES[table].items()
        if column in columns and not _serves(columns[column], wanted)
    ]


def _serves(column: tuple[str, str, str], wanted: str) -> bool:
    typename, category, _ = column
    good = GOOD_TYPES[wanted.split()[0]].split()
    return typename in good or category in good


def _refuse(problems: list[str]) -> None:
    if problems:
        raise MigrationRefused("this is not a Memolist database that we know: " + "; ".join(problems))


def _complete(table: str, columns: dict[str, tuple[str, str, str]]) -> None:
    for column, definition in TABLES[table].items():
        if column not in columns:
            op.execute(f'ALTER TABLE public."{table}" ADD COLUMN "{column}" {definition}')
            _remember(table, column)


def _create(table: str) -> None:
    columns = ", ".join(f'"{column}" {definition}' for column, definition in TABLES[table].items())
    op.execute(f'CREATE TABLE public."{table}" ({columns})')
    _remember(table)


def _remember(table: str, column: str = "") -> None:
    op.get_bind().execute(
        text("INSERT INTO tts.created_in_public (relation, column_name) VALUES (CAST(:relation AS regclass), :column)"),
        {"relation": f'public."{table}"', "column": column},
    )


def downgrade() -> None:
    # Joined to the catalogue: what somebody else dropped since is no longer there to drop.
    ours = (
        op.get_bind()
        .execute(
            text(
                """
            SELECT relation::text, quote_ident(column_name), column_name = ''
            FROM tts.created_in_public JOIN pg_class ON pg_class.oid = relation
            WHERE column_name = '' OR EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = relation AND attname = column_name AND NOT attisdropped
            )
            """
            )
        )
        .all()
    )
    if tables := ", ".join(relation for relation, _, whole in ours if whole):
        op.execute(f"DROP TABLE {tables}")  # in one statement, since one may refer to another by now
    for relation, column, whole in ours:
        if not whole:
            op.execute(f"ALTER TABLE {relation} DROP COLUMN {column}")
    op.execute("DROP TABLE tts.created_in_public")
