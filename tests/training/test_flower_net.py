"""A federation over real connections on this machine: with and without certificates."""

import datetime
import ipaddress
import socket
import threading

import numpy as np
import pytest
import torch

from tests.training.test_flower import GOAL, SMALL, START, Walker
from unblur.errors import BadValue, EngineFailed
from unblur.training.checkpoint import load_checkpoint
from unblur.training.federated import Federation

net = pytest.importorskip(
    "unblur.training.flower_net", reason="needs the extra 'federated'", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings("default")  # Flower's own dependencies deprecate


class Unplugged(Walker):
    def __call__(self, weights, *, steps, lr):
        raise ConnectionError("unplugged")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def left_after(folder, clients, *, secure=False, files=None):
    address = f"127.0.0.1:{free_port()}"
    asked = Federation(rounds=3, clients=3, max_norm=100.0, secure=secure, timeout_s=60.0)
    threads = [
        threading.Thread(
            target=net.join,
            args=(client,),
            kwargs={
                "address": address,
                "secure": secure,
                "certificate": files[0] if files else None,
            },
            daemon=True,
        )
        for client in clients
    ]
    for thread in threads:
        thread.start()
    path = net.serve(SMALL, asked, folder, address=address, certificates=files, wait_s=300.0)
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)  # the server told them to go
    state = load_checkpoint(path)
    weights = torch.cat([value.flatten() for value in state["ema"].values()]).numpy()
    return float(np.abs(weights - GOAL).mean() / np.abs(START - GOAL).mean())


@pytest.mark.parametrize("secure", [False, True])
def test_clients_arrive_over_connections_though_one_fails(tmp_path, secure):
    clients = [Walker(0.01, 1), Walker(0.01, 2), Walker(0.01, 3), Unplugged()]
    assert left_after(tmp_path, clients, secure=secure) < 0.15


def test_with_certificates(tmp_path):
    files = certificates(tmp_path)
    assert left_after(tmp_path / "run", [Walker(), Walker(), Walker()], files=files) < 0.15


def test_a_server_that_is_not_there(monkeypatch):
    monkeypatch.setattr(net, "_PAUSE_S", 0.01)
    with pytest.raises(EngineFailed, match="cannot reach the server"):
        net.join(Walker(), address=f"127.0.0.1:{free_port()}", secure=False, wait_s=0.0)


@pytest.mark.parametrize("address", ["0.0.0.0:8093", "192.168.1.2:8093", "example.org:8093"])
def test_nothing_readable_leaves_this_machine(tmp_path, address):
    with pytest.raises(BadValue, match="give --certificate"):
        net.serve(SMALL, Federation(), tmp_path, address=address)
    with pytest.raises(BadValue, match="give --certificate"):
        net.join(Walker(), address=address, secure=False)
    net.check_address(address, safe=True)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:8093", "[::1]:8093"])
def test_this_machine_needs_no_certificates(address):
    net.check_address(address, safe=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "8093", "host:port"])
def test_addresses_that_are_none(address):
    with pytest.raises(BadValue, match="HOST:PORT"):
        net.check_address(address, safe=True)


def certificates(folder):
    """An authority that vouches for itself, and a server at 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.timezone.utc)

    def signed(name, key, issuer, by, extension):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(extension, critical=False)
        )
        return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = {
        "authority.pem": signed("A", authority, "A", authority,
                                x509.BasicConstraints(ca=True, path_length=None)),
        "server.pem": signed("S", key, "A", authority, here),
        "server.key": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    }  # fmt: skip
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return tuple(folder / name for name in made)
