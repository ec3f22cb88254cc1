"""The verifiers of docs/webhooks/ as receivers run them: each is asked about many messages, and says of each whether it
is genuine."""

import importlib.util
import json
import os
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
FOLDER = PAGE.with_suffix("")

DRIVER = """
import { readFileSync } from "node:fs";
import { NotGenuine, verify } from "./verify.js";
const messages = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(messages.map(({ headers, body, secret, now }) => {
  try {
    verify(headers, Buffer.from(body, "base64"), secret, now);
    return true;
  } catch (error) {
    if (error instanceof NotGenuine) return false;
    throw error;
  }
})));
"""
COMPILED = {
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "noUnusedLocals": True,
    "noImplicitReturns": True,
    "target": "es2022",
    "module": "nodenext",
    "moduleResolution": "nodenext",
    "types": ["node"],
}


@dataclass(frozen=True)
class Message:
    """One that came in, the receiver's secret, and what its clock says."""

    headers: Mapping[str, str]
    body: bytes
    secret: str
    now: int


Verifier = Callable[[Sequence[Message]], list[bool]]


def python() -> Verifier:
    specification = importlib.util.spec_from_file_location("verify", FOLDER / "verify.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    def is_genuine(message: Message) -> bool:
        try:
            module.verify(message.headers, message.body, message.secret, message.now)
        except module.NotGenuine:
            return False
        return True

    return lambda messages: [is_genuine(each) for each in messages]


def typescript(folder: Path) -> Verifier:
    """Compiled as strictly as can be, then run by node."""
    from tests.openapi.tools import HERE, NODE, run  # says what to install if it is not there

    shutil.copy(FOLDER / "verify.ts", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    options = COMPILED | {"typeRoots": [str(HERE / "node_modules" / "@types")]}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.ts"]}))
    (folder / "driver.mjs").write_text(DRIVER)
    made = run("tsc", "--project", folder)
    assert made.returncode == 0, made.stdout

    def verify(messages: Sequence[Message]) -> list[bool]:
        asked = [{**vars(each), "body": b64encode(each.body).decode()} for each in messages]
        command = [NODE, folder / "driver.mjs"]
        ran = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return verify


def shell() -> Verifier:
    for program in ("bash", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")

    def is_genuine(message: Message) -> bool:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        ran = subprocess.run(
            ["bash", FOLDER / "verify.sh", *(message.headers.get(name, "") for name in names)],
            input=message.body,
            env={"PATH": os.environ["PATH"], "WEBHOOK_SECRET": message.secret, "WEBHOOK_NOW": str(message.now)},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode in {0, 1}, ran.stderr
        return ran.returncode == 0

    def verify(messages: Sequence[Message]) -> list[bool]:
        with ThreadPoolExecutor(2) as two:
            return list(two.map(is_genuine, messages))

    return verify
