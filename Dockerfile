# The service with everything that it needs to serve: no compiler, no Java, no test tools.
FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY scoreline ./scoreline
RUN python -m venv /opt/scoreline \
 && /opt/scoreline/bin/pip install --no-cache-dir ".[registry,parquet]"

FROM python:3.11-slim
# LightGBM is built with OpenMP.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --uid 10001 scoreline \
 && install -d -o scoreline -g scoreline /var/lib/scoreline/models /var/lib/scoreline/schemas /var/lib/scoreline/cache
COPY --from=build /opt/scoreline /opt/scoreline
ENV PATH=/opt/scoreline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SCORELINE_MODEL_STORE=/var/lib/scoreline/models \
    SCORELINE_SCHEMA_DIR=/var/lib/scoreline/schemas \
    SCORELINE_CACHE_DIR=/var/lib/scoreline/cache
USER 10001
WORKDIR /var/lib/scoreline
EXPOSE 8080
# As PID 1, so that SIGTERM reaches it.
ENTRYPOINT ["scoreline"]
CMD ["run"]
