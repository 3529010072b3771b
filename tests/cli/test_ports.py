import socket

import pytest

from selera.cli.ports import free_port, require_free
from selera.contracts.errors import ConfigError


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port("127.0.0.1")

    require_free("127.0.0.1", port)


def test_a_taken_port_is_said_with_the_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} .* is taken .* --port {port + 1}"):
            require_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1 at port 5000"):
        require_free("192.0.2.1", 5000)
