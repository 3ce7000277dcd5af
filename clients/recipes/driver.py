"""The recipes of docs/ci.md, run as a CI service runs them, with a small test suite in the place of the reader's.

Every block names what it is after its language. Steps that need a container engine find a stand-in for `docker` that has
no containers: it gives the binary itself, with the variables of the recipe's service.
"""
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "_lib"))
import yaml  # noqa: E402
from tap import done, env, ok, section  # noqa: E402

BINARY = env("SANDKASSE_BINARY")
KEYS = ["BASE_URL", "CLIENT_ID", "CLIENT_SECRET", "SUBSCRIPTION_KEY", "MSN", "PHONE"]
# Seconds that anything may take, on a busy machine.
LIMIT = 120
# What stands for a step's `run` in GitHub Actions, by the step's `shell`: only the one that is named has `pipefail`.
GITHUB_SHELLS = {
    None: ("bash", "-e"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    "sh": ("sh", "-e"),
}

# What stands for the reader's tests: it fetches a token with the keys that it finds, and notes which platform it was.
SUITE = """
const { BASE_URL, CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION_KEY } = process.env;
const answer = await fetch(`${BASE_URL}/accesstoken/get`, { method: 'POST', headers: {
  client_id: CLIENT_ID, client_secret: CLIENT_SECRET, 'Ocp-Apim-Subscription-Key': SUBSCRIPTION_KEY } });
const { access_token } = await answer.json();
if (answer.status !== 200 || !access_token) throw new Error(`no token: ${answer.status}`);
(await import('node:fs')).appendFileSync(process.env.NOTES, `${BASE_URL} ${process.env.VIPPS_BASE_URL ?? ''}\\n`);
"""
DOCKER = """#!/bin/sh
case $1 in
  create) echo made ;;
  cp) ;;
  exec) shift 3; exec env $SERVICE "$SANDKASSE_BINARY" "$@" ;;
  *) exit 64 ;;
esac
"""


def blocks():
    """What stands between fences, by what is said of it: (language, name, text)."""
    with open(os.path.join(ROOT, "docs", "ci.md"), encoding="utf-8") as page:
        return re.findall(r"^```(\w+) ?(.*)\n((?:.*\n)*?)```$", page.read(), re.M)


class Workshop:
    """A folder with a project whose tests are SUITE, and a path with the binary and the stand-in."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="recipes-")
        self.folder = os.path.join(self._folder.name, "project")
        self.notes = os.path.join(self._folder.name, "notes")
        programs = os.path.join(self._folder.name, "bin")
        os.makedirs(self.folder)
        os.makedirs(programs)
        os.symlink(BINARY, os.path.join(programs, "sandkasse"))
        self.write("../bin/docker", DOCKER, 0o755)
        self.write("../bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755)
        package = {"name": "shop", "version": "1.0.0", "private": True, "scripts": {"test": "node suite.mjs"}}
        self.write("package.json", json.dumps(package))
        lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "shop"}}}
        self.write("package-lock.json", json.dumps(lock))
        self.write("suite.mjs", SUITE)
        venv = os.path.dirname(sys.executable)
        self.environment = {
            "PATH": f"{programs}:{venv}:{os.environ['PATH']}",
            "HOME": self._folder.name,
            "NOTES": self.notes,
            "SANDKASSE_BINARY": BINARY,
            "npm_config_update_notifier": "false",
        }
        self.before = set(os.listdir(self.folder))

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def shell(self, script, words=("sh", "-e"), **more):
        """Runs a script to its end; the platform of a script whose shell waits for it is gone then.

        One that takes too long is ended with all that it started.
        """
        process = subprocess.Popen(
            [*words, "-c", script], cwd=self.folder, env={**self.environment, **more}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        try:
            output, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise RuntimeError(f"it took more than {LIMIT} s: {script[:60]}: {output}") from None
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def noted(self):
        """The platforms that the tests met since the last look."""
        if not os.path.exists(self.notes):
            return []
        with open(self.notes, encoding="utf-8") as file:
            lines = file.read().splitlines()
        os.remove(self.notes)
        return [line.split(" ") for line in lines]

    def left(self):
        """What lies in the project that was not there before."""
        return sorted(set(os.listdir(self.folder)) - self.before)


def is_gone(url):
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return False
    except OSError:
        return True
    return False


def run_all(name, shop, scripts, words=("sh", "-e"), leaves=()):
    """Runs the scripts of a job one after the other; its tests meet a platform that is gone afterwards."""
    for script in scripts:
        result = shop.shell(script, words)
        if not ok(f"{name}: {script.splitlines()[0][:60]}", result.returncode == 0, result.stdout):
            return
    met = shop.noted()
    ok(f"{name}: the tests met a platform", len(met) == 1, met)
    ok(f"{name}: it has ended", all(is_gone(base) for base, _ in met), met)
    ok(f"{name}: it left nothing", shop.left() == sorted(leaves), shop.left())


def single_commands(shells):
    for script in shells:
        shop = Workshop()
        result = shop.shell(script)
        ok(f"sh: {script.strip()}", result.returncode == 0, result.stdout)
        met = shop.noted()
        ok("its tests met a platform that has ended", len(met) == 1 and is_gone(met[0][0]), met)
        if "VIPPS_BASE_URL" in script:
            ok("and its address under another name", met[0][0] == met[0][1], met)
        kept = ["sandkasse-data"] if "--database" in script else []
        ok("what it left is what was asked for", shop.left() == kept, shop.left())
    shop = Workshop()
    shop.write("suite.mjs", "process.exit(3)\n")
    ok("a suite that fails is told by the code", shop.shell("sandkasse exec -- npm test").returncode == 3)


def several_steps(script):
    shop = Workshop()
    run_all("several steps", shop, [script], leaves=["ready.json", "sandkasse.log"])
    shop = Workshop()
    shop.write("suite.mjs", "process.exit(3)\n")
    ok("several steps: a suite that fails is told by the code", shop.shell(script).returncode == 3)


def units_and_time(script):
    shop = Workshop()
    result = shop.shell(f"sandkasse exec -- sh -e -c {shlex.quote(script)}")
    if not ok("a sales unit per test", result.returncode == 0, result.stdout):
        return

    def read(name):
        with open(os.path.join(shop.folder, name), encoding="utf-8") as file:
            return json.load(file)

    ok("it is a unit of its own", read("unit.json")["msn"] != "220001", read("unit.json"))
    ok("the payment was initiated", "url" in read("initiated.json"), read("initiated.json"))
    ok("time went on", read("advanced.json")["ahead_ms"] >= 181 * 86_400_000, read("advanced.json"))
    captured = read("captured.json")
    ok("half a year is too late", captured[0]["errorCode"] == "98", captured)


def with_inputs(text, inputs):
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)


def github_action(shop, variables):
    """Runs the steps of our composite action, as the runner does."""
    folder = os.path.join(ROOT, "ops", "github-action")
    with open(os.path.join(folder, "action.yml"), encoding="utf-8") as file:
        action = yaml.safe_load(file)
    inputs = {name: str(value["default"]) for name, value in action["inputs"].items()}
    for step in action["runs"]["steps"]:
        more = {name: with_inputs(value, inputs) for name, value in step["env"].items()}
        words = GITHUB_SHELLS[step["shell"]]
        result = shop.shell(step["run"], words, GITHUB_ACTION_PATH=folder, GITHUB_ENV=variables, **more)
        ok("github: our action", result.returncode == 0, result.stdout)


def github_env(variables):
    with open(variables, encoding="utf-8") as file:
        return dict(line.split("=", 1) for line in file.read().splitlines())


def github_step(name, shop, step, platform):
    script, words = step["run"].replace("${{ job.services.sandkasse.id }}", "made"), GITHUB_SHELLS[step.get("shell")]
    if platform:
        shop.environment["SERVICE"] = platform.as_words()
    if "docker exec" in script:
        gone = shop.shell(script, words, SERVICE="SANDKASSE_PORTAL_URL=http://127.0.0.1:1", GITHUB_ENV=os.devnull)
        ok(f"{name}: without a platform it fails: {script[:60]}", gone.returncode != 0, gone.stdout)
    result = shop.shell(script, words)
    ok(f"{name}: {script[:60]}", result.returncode == 0, result.stdout)


def github(name, text):
    """The steps of each job; what a step writes to GITHUB_ENV is in the environment of those after it."""
    for job in yaml.safe_load(text)["jobs"].values():
        shop = Workshop()
        variables = os.path.join(os.path.dirname(shop.folder), "variables")
        with open(variables, "w", encoding="utf-8"):
            pass
        shop.environment.update(GITHUB_ENV=variables, RUNNER_TEMP=os.path.dirname(shop.folder))
        service = job.get("services", {}).get("sandkasse")
        with Service(service["env"]) if service else contextlib.nullcontext() as platform:
            try:
                for step in job["steps"]:
                    if step.get("uses", "").startswith("./"):
                        github_action(shop, variables)
                    elif "run" in step:
                        github_step(name, shop, step, platform)
                    shop.environment.update(github_env(variables))
                met = shop.noted()
                ok(f"{name}: the tests met a platform", len(met) == 1, met)
            finally:
                # What the runner does at the end of a job, however it went.
                started = github_env(variables).get("SANDKASSE_PID")
                if started:
                    os.kill(int(started), signal.SIGTERM)
            ok(f"{name}: nothing is left in the project", shop.left() == [], shop.left())


class Service:
    """The binary with the variables of a service container, on free ports of loopback instead of its own network.

    It is there within a `with`, and ends with it.
    """

    def __init__(self, variables, test="127.0.0.1:0"):
        self._folder = tempfile.TemporaryDirectory(prefix="recipes-")
        self.variables = {name: str(value) for name, value in variables.items()}
        self.settings = {
            **self.variables,
            "SANDKASSE_TEST": test,
            "SANDKASSE_PRODUCTION": "127.0.0.1:0",
            "SANDKASSE_PORTAL": "127.0.0.1:0",
            "SANDKASSE_READY_FILE": os.path.join(self._folder.name, "ready.json"),
        }
        # Where it is reached is another place here; that such a URL is one, a check of its own says.
        for url in [name for name in self.settings if name.endswith("_URL")]:
            del self.settings[url]
        self.process = None
        self.urls = None

    def __enter__(self):
        with open(os.path.join(self._folder.name, "log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [BINARY], env=self.settings, cwd=self._folder.name, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.urls = self._wait()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _wait(self):
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            # It may be seen half written: then it cannot be read yet.
            with contextlib.suppress(OSError, ValueError):
                with open(self.settings["SANDKASSE_READY_FILE"], encoding="utf-8") as file:
                    return json.load(file)
            if self.process.poll() is not None:
                raise RuntimeError(f"the service ended with {self.process.returncode}: {self._log()}")
            time.sleep(0.02)
        raise RuntimeError(f"the service was not ready after {LIMIT} s: {self._log()}")

    def _log(self):
        with open(os.path.join(self._folder.name, "log"), encoding="utf-8") as log:
            return log.read()

    def as_words(self):
        """What a program in the same container sees, as words for `env`."""
        seen = {**self.variables, "SANDKASSE_PORTAL_URL": self.urls["portal"]}
        return " ".join(f"{name}={value}" for name, value in seen.items())

    def __exit__(self, *_):
        self.process.terminate()
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = f"none within 30 s, and then {self.process.wait()}"
        ok("the service ended in order", code == 0, code)


# Loopback, written so that the platform takes it for an address that others can reach: tests listen nowhere else.
REACHED_BY_OTHERS = "[::ffff:127.0.0.1]:0"
# What is needed there, and the words of the refusal that name it.
NEEDED = {"SANDKASSE_ADMIN_TOKEN": "set an administrator's token", "SANDKASSE_BEHIND_PROXY": "--behind-proxy"}


def starts_only_with(variables):
    """Where others can reach it, each of what is needed is missed by name; with all of them it starts."""
    everywhere = {"SANDKASSE_TEST": REACHED_BY_OTHERS, "SANDKASSE_PRODUCTION": "127.0.0.1:0", "SANDKASSE_PORTAL": "127.0.0.1:0",
                  "SANDKASSE_DATABASE": "sqlite::memory:"}
    for name in NEEDED:
        rest = {key: str(value) for key, value in variables.items() if key != name}
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run(
                [BINARY], env={**rest, **everywhere}, cwd=folder, timeout=LIMIT, capture_output=True, text=True)
        missed = [other for other, words in NEEDED.items() if words in result.stderr]
        ok(f"a service without {name} is refused for that", (result.returncode, missed) == (2, [name]), result.stderr)
    with Service({**variables, "SANDKASSE_DATABASE": "sqlite::memory:"}, REACHED_BY_OTHERS) as service:
        ok("with all of them it starts", service.urls["test"].startswith("http://[::ffff:127.0.0.1]:"), service.urls)


def demo_keys(variables, name):
    """Keys that a recipe writes out are those of the demo unit."""
    result = subprocess.run([BINARY, "exec", "--", "env"], capture_output=True, text=True, timeout=LIMIT, check=True)
    now = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    for key in KEYS[1:]:
        ok(f"{name}: {key} is the demo unit's", variables[key] == now[key], variables[key])


def gitlab(name, text):
    for title, job in yaml.safe_load(text).items():
        if "services" in job:
            [service] = job["services"]
            demo_keys(job["variables"], name)
            starts_only_with(service["variables"])
            with Service(service["variables"]) as platform:
                shop = Workshop()
                shop.environment.update({**job["variables"], "BASE_URL": platform.urls["test"]})
                for script in job["script"]:
                    result = shop.shell(script)
                    ok(f"{name}, {title}: {script}", result.returncode == 0, result.stdout)
                ok(f"{name}, {title}: the tests met a platform", len(shop.noted()) == 1)
        else:
            run_all(f"{name}, {title}", Workshop(), job["script"])


def jenkins(name, text):
    scripts = re.findall(r"^\s*sh '([^']*)'$", text, re.M)
    ok(f"{name}: brackets match", text.count("{") == text.count("}"))
    run_all(name, Workshop(), scripts, leaves=["sandkasse-data"])


def circle(name, text):
    steps = yaml.safe_load(text)["jobs"]["test"]["steps"]
    runs = [step["run"] for step in steps if isinstance(step, dict)]
    scripts = [run if isinstance(run, str) else run["command"] for run in runs]
    run_all(name, Workshop(), scripts, ("bash", "-e", "-o", "pipefail"))


def azure(name, text):
    run_all(name, Workshop(), [step["script"] for step in yaml.safe_load(text)["steps"]], ("bash",))


def bitbucket(name, text):
    [step] = yaml.safe_load(text)["pipelines"]["default"]
    run_all(name, Workshop(), step["step"]["script"], ("bash", "-e"))


def compose(name, text):
    services = yaml.safe_load(text)["services"]
    usual = r"\$\{SANDKASSE_TOKEN:-([^}]*)\}"

    def variables(service):
        said = services[service]["environment"]
        return {key: re.sub(usual, r"\1", value) for key, value in said.items()}

    starts_only_with(variables("sandkasse"))
    with Service(variables("sandkasse")) as platform:
        shop = Workshop()
        shop.environment.update({**variables("tests"), "SANDKASSE_PORTAL_URL": platform.urls["portal"]})
        words = [word.replace("$$", "$") for word in services["tests"]["command"]]
        # The platform itself says what its address is; that was taken away above.
        result = shop.shell(words[-1], words[:1])
        ok(f"{name}: the tests' command", result.returncode == 0, result.stdout)
        ok(f"{name}: the tests met the platform", [base for base, _ in shop.noted()] == [platform.urls["test"]])


def containerfile(name, text):
    """It is not built: what it copies must be where our own image has it."""
    [copied] = re.findall(r"^COPY --from=sandkasse:\S+ (\S+) /usr/local/bin/sandkasse$", text, re.M)
    with open(os.path.join(ROOT, "ops", "container", "Containerfile"), encoding="utf-8") as file:
        ours = file.read()
    ok(f"{name}: our image has the program there", f"COPY sandkasse {copied}\n" in ours, copied)


def pytest_recipe(name, text):
    shop = Workshop()
    shop.write(name, text)
    shop.write("test_shop.py", (
        "SEEN = set()\n\n\ndef new(shop):\n    SEEN.add(shop['msn'])\n    return shop['advance'](days=181)['ahead_ms'] > 0\n\n\n"
        "def test_one(shop):\n    assert new(shop) and len(SEEN) == 1\n\n\n"
        "def test_two(shop):\n    assert new(shop) and len(SEEN) == 2\n"))
    result = shop.shell("sandkasse exec -- python -B -m pytest -q -p no:cacheprovider")
    ok(f"{name}: two tests, a unit each", result.returncode == 0 and "2 passed" in result.stdout, result.stdout)


def node_recipe(name, text):
    shop = Workshop()
    shop.write(name.replace(".js", ".mjs"), text)
    shop.write("shop.test.mjs", (
        "import test from 'node:test';\nimport assert from 'node:assert';\nimport { shop } from './shop.mjs';\n"
        "const seen = new Set();\n"
        "for (const name of ['one', 'two']) test(name, async () => {\n  const mine = await shop(name);\n  seen.add(mine.msn);\n"
        "  assert.equal(seen.size, name === 'one' ? 1 : 2);\n"
        "  assert.ok((await mine.advance({ days: 181 })).ahead_ms > 0);\n});\n"))
    result = shop.shell("sandkasse exec -- node --test")
    ok(f"{name}: two tests, a unit each", result.returncode == 0 and "pass 2" in result.stdout, result.stdout)


def testcontainers(name, text, pattern):
    """Containers are not made here: the variables of the recipe are tried, with its token where they name it."""
    [token] = re.findall(r"\bTOKEN = [\"']([^\"']+)[\"']", text)
    variables = {key: token if value == "TOKEN" else value for key, value in re.findall(pattern, text, re.M)}
    ok(f"{name}: its variables were found", {*NEEDED, "SANDKASSE_DATABASE"} <= set(variables), variables)
    ok(f"{name}: programs in the container have the token", variables.get("SANDKASSE_TOKEN", token) == token, variables)
    starts_only_with(variables)


def testcontainers_in_js(name, text):
    shop = Workshop()
    shop.write("recipe.mjs", text)
    result = shop.shell("node --check recipe.mjs")
    ok(f"{name}: it is JavaScript", result.returncode == 0, result.stdout)
    testcontainers(name, text, r"^ +(SANDKASSE_\w+): '?([^',]+)'?,$")


def testcontainers_in_python(name, text):
    compile(text, name, "exec")
    testcontainers(name, text, r'with_env\("(\w+)", "?([^")]+)"?\)')


def testcontainers_in_java(name, text):
    ok(f"{name}: brackets match", all(text.count(a) == text.count(b) for a, b in ("{}", "()")), text)
    testcontainers(name, text, r'"(SANDKASSE_\w+)", "?([^",)]+)"?')


RECIPES = {
    "several steps": lambda _, text: several_steps(text),
    "a sales unit per test": lambda _, text: units_and_time(text),
    "Containerfile": containerfile,
    ".github/workflows/test.yml": github,
    ".github/workflows/steps.yml": github,
    ".github/workflows/service.yml": github,
    ".gitlab-ci.yml": gitlab,
    "Jenkinsfile": jenkins,
    ".circleci/config.yml": circle,
    "azure-pipelines.yml": azure,
    "bitbucket-pipelines.yml": bitbucket,
    "compose.yaml": compose,
    "conftest.py": pytest_recipe,
    "shop.js": node_recipe,
    "testcontainers.js": testcontainers_in_js,
    "testcontainers_sandkasse.py": testcontainers_in_python,
    "Sandkasse.java": testcontainers_in_java,
}


def main():
    found = blocks()
    said = subprocess.run([BINARY, "--version"], capture_output=True, text=True, timeout=LIMIT, check=True).stdout.split()[-1]
    images = {image for _, _, text in found for image in re.findall(r"sandkasse:(\d+\.[\w.]+)", text)}
    ok("the image that recipes name is of this version", images == {said}, sorted(images))
    section("the commands", lambda: single_commands([text for language, name, text in found if (language, name) == ("sh", "")]))
    named = {name: text for _, name, text in found if name}
    ok("every recipe is known here, and every one known here is there", set(named) == set(RECIPES), sorted(set(named) ^ set(RECIPES)))
    for name, text in named.items():
        if name in RECIPES:
            section(name, lambda: RECIPES[name](name, text))
    done()


main()
