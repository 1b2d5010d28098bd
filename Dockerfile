# One image for api, worker and migrate; compose says which command runs, and how its health is checked.
# The offline engine (espeak-ng, GPL) comes in with `--build-arg REQUIREMENTS=local`.

# Not slim: miniaudio has no wheel for arm64 and is compiled here. The compiler and pip stay behind.
FROM python:3.11.15-trixie AS builder
ARG REQUIREMENTS=production
COPY requirements/${REQUIREMENTS}.txt /requirements.txt
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install \
        --no-cache-dir --disable-pip-version-check --require-hashes --requirement /requirements.txt

FROM python:3.11.15-slim-trixie
WORKDIR /app
# A fresh named volume takes over the owner of the folder that it is mounted on.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin memolist \
    && install --directory --owner=memolist --group=memolist storage/tts
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=builder /venv /venv
COPY migrations migrations
COPY shared shared
COPY scripts scripts
COPY api api
COPY worker worker
# What is not compiled here would be at every start: nothing can be written then.
RUN python -m compileall -q api migrations scripts shared worker
USER 10001:10001
