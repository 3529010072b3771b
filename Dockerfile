# Selera in a container. Debian and not Alpine: numba has no wheels for musl.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/selera
COPY requirements.txt .
RUN /opt/selera/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY selera selera
# hatchling builds the wheel, in an environment of its own: what runs later does not hold it.
RUN /opt/selera/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin selera \
 && install -d -o selera -g selera /data /var/cache/selera
COPY --from=build /opt/selera /opt/selera
COPY deploy/healthcheck.py /opt/selera/healthcheck.py
ENV PATH=/opt/selera/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/var/cache/selera \
    SELERA_WEB_HOST=0.0.0.0
USER selera
WORKDIR /data
VOLUME ["/data", "/var/cache/selera"]
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
  CMD ["python", "/opt/selera/healthcheck.py"]
CMD ["selera", "run"]
