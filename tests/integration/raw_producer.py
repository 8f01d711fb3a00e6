"""Produces what the Python client refuses to: headers whose names are any bytes, through the client's own C library."""

import ctypes
from pathlib import Path

import confluent_kafka

TOPIC, PARTITION, VALUE, KEY, MSGFLAGS, HEADERS, END = 1, 3, 4, 5, 7, 10, 0
COPY = 2
PRODUCER = 0
FLUSH_MS = 10_000


def produce_raw_header(bootstrap_servers, topic, key, value, header_name):
    """One record on partition 0 with one header of that name."""
    site = Path(confluent_kafka.__file__).parent.parent
    (path,) = site.glob("confluent_kafka.libs/librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = ctypes.c_void_p
    said = ctypes.create_string_buffer(512)
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(conf, b"bootstrap.servers", bootstrap_servers.encode(), said, ctypes.c_size_t(512))
    client = ctypes.c_void_p(library.rd_kafka_new(PRODUCER, conf, said, ctypes.c_size_t(512)))
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(ctypes.c_size_t(1)))
    library.rd_kafka_header_add(headers, header_name, ctypes.c_ssize_t(len(header_name)), b"v", ctypes.c_ssize_t(1))
    error = library.rd_kafka_producev(
        client,
        *(ctypes.c_int(TOPIC), ctypes.c_char_p(topic.encode())),
        *(ctypes.c_int(PARTITION), ctypes.c_int32(0)),
        *(ctypes.c_int(MSGFLAGS), ctypes.c_int(COPY)),
        *(ctypes.c_int(VALUE), ctypes.c_char_p(value), ctypes.c_size_t(len(value))),
        *(ctypes.c_int(KEY), ctypes.c_char_p(key), ctypes.c_size_t(len(key))),
        *(ctypes.c_int(HEADERS), headers),
        ctypes.c_int(END),
    )
    assert error == 0
    assert library.rd_kafka_flush(client, ctypes.c_int(FLUSH_MS)) == 0
    library.rd_kafka_destroy(client)
