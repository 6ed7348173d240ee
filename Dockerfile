# Slim, not root, and its own files read-only: only /data is written to. `evolink-ui` is the command.
#   docker build -t evolink_ui . && docker run --read-only --tmpfs /tmp:size=512m --cap-drop ALL \
#     --security-opt no-new-privileges --memory 3g --pids-limit 512 -v evolink:/data -p 7860:7860 evolink_ui
# SECURITY.md gives the command that pins the image to a digest.
FROM python:3.11.14-slim-bookworm AS build
# Without the resolver: the lock is complete and holds a newer Pillow than MoviePy allows (pyproject.toml says why).
COPY requirements.lock /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /requirements.lock
COPY pyproject.toml README.md LICENSE /source/
COPY evolink_ui /source/evolink_ui
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation /source

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 1000 --create-home app && install -d -o app /data
COPY --from=build /venv /venv
WORKDIR /app
USER app
VOLUME /data
ENV EVOLINK_UI_DATA_DIR=/data \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_ANALYTICS_ENABLED=False \
    PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/livez', timeout=4)"]
CMD ["evolink-ui", "serve"]
