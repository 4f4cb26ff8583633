# Headrace itself, everything in one container, as `headrace up` runs it. For docker-compose.yml beside this file.
FROM python:3.13-slim AS build
COPY pyproject.toml template.yaml README.md LICENSE /build/
COPY functions /build/functions
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --disable-pip-version-check /build

FROM python:3.13-slim
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data /keys
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 HEADRACE_DATA_DIR=/data
WORKDIR /data
USER 10001:10001
VOLUME /data
EXPOSE 4318
HEALTHCHECK --interval=5s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4318/health', timeout=3)"]
ENTRYPOINT ["headrace"]
CMD ["up", "--host", "0.0.0.0", "--port", "4318"]
