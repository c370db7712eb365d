# An application that lives off the mounted token, from a checkout:
# `docker build -f docs/examples/images/python.Dockerfile docs/examples`.
ARG BASE=python:3.13-alpine
FROM ${BASE}
COPY consumers/consumer.py /app/
USER 65532:65532
ENTRYPOINT ["python", "/app/consumer.py"]
