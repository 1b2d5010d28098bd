"""The API's log tells what went wrong, and never a text, a token, a key or a password."""

from pathlib import Path

from tests.postgres import Postgres
from tests.service import SECRET, Service, token
from tests.shared_api import PASSWORD, assert_problem, body_of, forged_token, request, shared_api

SPOKEN = "what only the learner may read"


async def test_no_error_writes_a_secret_into_the_log(
    postgres: Postgres, migrated_template: str, tmp_path: Path
) -> None:
    for log_format in ("console", "json"):
        folder = tmp_path / log_format
        folder.mkdir()
        environment = {"LOG_LEVEL": "debug", "LOG_FORMAT": log_format}
        async with shared_api(postgres, migrated_template, folder, **environment) as api:
            api.add_deck("deck-1", ["card-1"])
            tokens = await _provoke_every_error(api, postgres)

            log = api.log("api")
            assert "the database is away" in log
            assert "an error of ours" in log
            assert ("status=401" if log_format == "console" else '"status": 401') in log
            for secret in (SPOKEN, PASSWORD, SECRET, *tokens, *(token.split(".")[1] for token in tokens)):
                assert secret not in log


async def _provoke_every_error(api: Service, postgres: Postgres) -> list[str]:
    """Returns the tokens that it used."""
    good = {"textEn": SPOKEN, "textFr": SPOKEN, "cardId": "card-1"}
    bad = good | {"textFr": f"{SPOKEN}\0"}
    expired, forged, mine = token("anna", exp=1), forged_token("{" + SPOKEN, SPOKEN), token("anna")
    for wrong in (expired, forged):
        assert_problem(await api.send(body_of([good]), user=None, Authorization=f"Bearer {wrong}"), 401)
    headers = {"Authorization": f"Bearer {mine}"}
    assert_problem(await api.send(body_of([bad]), user=None, **headers), 400)
    assert_problem(await api.send(f'{{"{SPOKEN}'.encode(), user=None, **headers), 400)
    assert_problem(await request(api, "GET", f"/api/tts/{mine}", user=None, **headers), 404)

    postgres.stop()
    try:
        assert_problem(await api.send(body_of([good]), user=None, **headers), 503)
        assert_problem(await api.get("/ready"), 503)
    finally:
        postgres.start()

    for table in ("tts.procrastinate_jobs", "tts.job", 'public."TtsJob"'):
        api.sql(f"ALTER TABLE {table} RENAME TO gone")
        assert_problem(await api.send(body_of([good]), user=None, **headers), 500)
        api.sql(f"ALTER TABLE {table.split('.')[0]}.gone RENAME TO {table.split('.')[1]}")
    # A column that refuses the phrases: Postgres would show the row that fails.
    api.sql('ALTER TABLE public."TtsJob" ADD CONSTRAINT never CHECK ("totalPhrases" < 0)')
    assert_problem(await api.send(body_of([good]), user=None, **headers), 500)
    return [expired, forged, mine]
