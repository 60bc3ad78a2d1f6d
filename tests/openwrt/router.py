"""A folder that looks like a router to the init scripts."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib

from places import FILES, HERE, ROOT


class Router:
    """A folder that looks like a router to the scripts."""

    def __init__(self, folder, program):
        self.root = folder
        self.sections = {}
        for path in ("etc/config", "etc/weir", "etc/rc.d", "usr/sbin", "usr/share/weir", "var/etc", "mnt", "bin"):
            (folder / path).mkdir(parents=True)
        shutil.copy(ROOT / "features.txt", folder / "etc/weir")
        # The scripts name places on a router; here they are in a folder.
        places = r"(?<![\w.*}])/(?=(etc/(weir|rc\.d|capabilities)|usr/share/weir|var/(etc|run)|sbin/ujail)\b)"
        for name, to in (("settings.sh", "usr/share/weir/settings.sh"), ("weir.init", "init"), ("weir-web.init", "web")):
            text = re.sub(places, f"{folder}/", (FILES / name).read_text())
            text = text.replace(". /lib/functions/network.sh\n", "")
            (folder / to).write_text(text)
        text = (folder / "init").read_text().replace("PROG=/usr/sbin/weir", f"PROG={program}")
        (folder / "init").write_text(text.replace("chown ", ": chown "))
        text = (folder / "web").read_text().replace("chown ", ": chown ")
        (folder / "web").write_text(text)
        self.set("main", enabled="1", network=["lan"])
        self.set("storage", folder=f"{folder}/mnt/weir")
        self.set("store")
        self.set("web", enabled="1")

    def set(self, section, **options):
        self.sections.setdefault(section, {}).update(options)

    def run(self, script, action, shell=("busybox", "ash"), **env):
        lines = []
        for section, options in self.sections.items():
            for name, value in options.items():
                if isinstance(value, list):
                    lines.append(f"CONFIG_{section}_{name}={shlex.quote(' '.join(value))}")
                    lines.append(f"CONFIG_{section}_{name}_LENGTH={len(value)}")
                    for number, item in enumerate(value, 1):
                        lines.append(f"CONFIG_{section}_{name}_ITEM{number}={shlex.quote(item)}")
                else:
                    lines.append(f"CONFIG_{section}_{name}={shlex.quote(value)}")
        (self.root / "config").write_text("\n".join(lines) + "\n")
        code = f". {HERE}/functions.sh; . {self.root}/{script}; {action}"
        env = {"PATH": os.environ["PATH"], "CONFIG": str(self.root / "config")} | env
        done = subprocess.run(
            [*shell, "-c", code], cwd=self.root, env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert not done.stderr, done.stderr
        assert not (self.root / "pwned").exists()
        return done.stdout

    def toml(self):
        return tomllib.loads((self.root / "var/etc/weir.toml").read_text())
