# HAProxy as Debian 12 has it, with our configuration; it needs no root and writes nothing.
FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends haproxy \
    && rm -rf /var/lib/apt/lists/*
COPY haproxy.cfg /etc/haproxy/haproxy.cfg
USER 10002:10002
EXPOSE 8443
# It closes its listener, finishes what runs, and ends.
STOPSIGNAL SIGUSR1
CMD ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
