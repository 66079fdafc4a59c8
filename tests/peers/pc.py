"""A whole PC, emulated instruction by instruction (qemu): Debian 12 with its own kernel and a screen, a camera and a
sound card of that kernel's. It is started, asked over SSH, looked at, and its power taken away. Needs root.
"""

from __future__ import annotations

import io
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from tests.peers.debian import kept_root
from tests.peers.program import stop

PACKAGES = (
    *("linux-image-amd64", "cloud-init", "ifupdown", "isc-dhcp-client", "locales", "openssh-server", "sudo"),
    *("ffmpeg", "libportaudio2", "cage", "chromium", "xwayland", "polkitd", "libpam-systemd", "fonts-noto-core"),
)
"""What Debian's cloud images have, and what our package recommends: the PC has no network to get it by."""
CAMERA, MICROPHONE = "/dev/video0", "hw:0,1"
"""Of the kernel's own: vivid, which shows colour bars, and snd-aloop."""
SERVER = "http://10.0.2.100:8500"
"""Where the PC finds what listens on this machine."""
ADMIN = "it"
_FILES = {
    "etc/fstab": "LABEL=root / ext4 defaults,errors=remount-ro 0 1\n",
    "etc/modules-load.d/devices.conf": "vivid\nsnd-aloop\n",
    "etc/cloud/cloud.cfg.d/90-local.cfg": "datasource_list: [ NoCloud, None ]\n",
    "etc/machine-id": "",
}
_SSH = ("-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=20")


class PC:
    """key: an SSH key that its admin has. port: where SSH is reached; server: of ours, on this machine."""

    def __init__(self, folder: Path, key: Path, *, port: int, server: int) -> None:
        self._folder = folder
        self._key = key
        self._port = port
        self._server = server
        self._disk = folder / "disk.img"
        self._root = kept_root(*PACKAGES)
        self._process: subprocess.Popen[bytes] | None = None
        self._make_disk()

    def _make_disk(self) -> None:
        tree = self._folder / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(self._root), str(tree)], check=True)
        for name, text in _FILES.items():
            file = tree / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        format_it = ["mkfs.ext4", "-q", "-L", "root", "-d", str(tree), str(self._disk), "8G"]
        subprocess.run(format_it, capture_output=True, check=True)
        subprocess.run(["rm", "-rf", str(tree)], check=True)

    def start(self, seed: Path | None = None) -> None:
        """seed: a disk for cloud-init."""
        (kernel,), (ramdisk,) = self._root.glob("boot/vmlinuz-*"), self._root.glob("boot/initrd.img-*")
        disks = [f"file={self._disk},format=raw,if=virtio,cache=none"]
        disks += [f"file={seed},format=raw,if=virtio,readonly=on"] if seed is not None else []
        way = f"guestfwd=tcp:10.0.2.100:8500-cmd:socat STDIO TCP:127.0.0.1:{self._server}"
        command = [
            *(
                "qemu-system-x86_64",
                "-accel",
                "tcg,thread=multi,tb-size=1024",
                "-cpu",
                "max",
                "-smp",
                "2",
                "-m",
                "4096",
            ),
            *("-machine", "q35", "-kernel", str(kernel), "-initrd", str(ramdisk)),
            *("-append", "root=LABEL=root ro quiet"),
            *(word for disk in disks for word in ("-drive", disk)),
            *("-device", "virtio-vga,xres=1920,yres=1080", "-device", "virtio-keyboard-pci", "-display", "none"),
            *("-nic", f"user,restrict=on,{way},hostfwd=tcp:127.0.0.1:{self._port}-:22"),
            *("-monitor", f"unix:{self._monitor},server,nowait", "-serial", "none"),
        ]
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def unplug(self) -> None:
        """What it had not flushed to its disk is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._monitor.unlink(missing_ok=True)

    def ask(self, command: str) -> subprocess.CompletedProcess[str]:
        """A command of the admin's."""
        way = [*_SSH, "-i", str(self._key), "-p", str(self._port), f"{ADMIN}@127.0.0.1", command]
        return subprocess.run(["ssh", *way], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def screen(self) -> Image.Image:
        """What stands on its display now."""
        picture = self._folder / "screen.ppm"
        picture.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._monitor))
            monitor.sendall(f"screendump {picture}\n".encode())
            until = time.monotonic() + 20
            while time.monotonic() < until:
                with suppress(OSError):  # it is not whole yet
                    return Image.open(io.BytesIO(picture.read_bytes())).convert("RGB")
                monitor.recv(4096)
        raise TimeoutError("The emulator gives no picture of the screen.")

    @property
    def _monitor(self) -> Path:
        return self._folder / "monitor"

    def close(self) -> None:
        if self._process is not None:
            stop(self._process, 20)


@contextmanager
def pc(folder: Path, key: Path, *, port: int, server: int) -> Iterator[PC]:
    made = PC(folder, key, port=port, server=server)
    try:
        yield made
    finally:
        made.close()
