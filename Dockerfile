# Slim, not root, and its own files read-only: only /data is written to.
#   docker build -t evolink_ui . && docker run --read-only --tmpfs /tmp:size=512m --cap-drop ALL \
#     --security-opt no-new-privileges --memory 3g --pids-limit 512 -v evolink:/data -p 7860:7860 evolink_ui
# SECURITY.md gives the command that pins the image to a digest.
FROM python:3.11.14-slim-bookworm AS build
COPY requirements.lock /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.lock

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 1000 --create-home app && install -d -o app /data
COPY --from=build /venv /venv
COPY app.py /app/
COPY evolink_ui /app/evolink_ui
WORKDIR /app
USER app
VOLUME /data
ENV EVOLINK_UI_DATA_DIR=/data \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_ANALYTICS_ENABLED=False \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["/venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["/venv/bin/python", "app.py"]
