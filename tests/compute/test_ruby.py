"""Ruby functions under AWS's own runtime client, as its gem is found on this host."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.support import Function, Room, text_of
from pilvi.compute import runtimes
from pilvi.compute.api import InvalidEntrypoint

RUBIES = runtimes.find_rubies()
needs_client = pytest.mark.skipif(
    not any(ruby.libraries for ruby in RUBIES),
    reason="there is no Ruby with AWS's runtime client on this host (gem install aws_lambda_ric)",
)

SOURCE = """
require 'json'
require 'logger'
require 'of_layer'
require 'of_gem'
require 'rexml/document'
LOG = Logger.new($stdout)

def handler(event:, context:)
  return eval(event['code'], binding) if event['code']
  puts "plain ä #{event['n']}"
  LOG.info("logged\\ntwice")
  raise "Error: #{event['why']}" if event['why']
  { n: event['n'], layers: [OF_LAYER, OF_GEM], env: ENV.to_h, encoding: Encoding.default_external,
    context: %w[function_name memory_limit_in_mb aws_request_id client_context].to_h { |one| [one, context.send(one)] },
    in_time: context.get_remaining_time_in_millis.between?(1, 20_000) }
end

module Deep
  class Handler
    def self.process(event:, context:) = StringIO.new('"deep"')
  end
end
"""


def layer_of(place: Path) -> Path:
    """A layer with a gem and a plain file, where AWS looks for them."""
    files = {
        "lib/of_layer.rb": "OF_LAYER = 'plain'",
        "gems/3.3.0/gems/of_gem-1.2.0/lib/of_gem.rb": "OF_GEM = 'gem'",
        "gems/3.3.0/specifications/of_gem-1.2.0.gemspec": (
            "Gem::Specification.new { |s| s.name = 'of_gem'; s.version = '1.2.0'; s.summary = 's'; s.authors = ['a'] }"
        ),
    }
    for name, text in files.items():
        path = place / "ruby" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    place.chmod(0o755)
    return place


@pytest.fixture(scope="module")
def begin(
    shared_room: Room, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Function]]:
    layer = layer_of(tmp_path_factory.mktemp("layer"))

    def start(handler: str = "app.handler", source: str = SOURCE, **members: Any) -> Function:
        given: dict[str, Any] = {"files": {"app.rb": source}, "layer_dirs": (layer,), **members}
        return shared_room.start(runtime="ruby3.3", handler=handler, memory_mb=256, **given)

    yield start
    shared_room.end_functions()


@pytest.fixture(scope="module")
def function(begin: Callable[..., Function]) -> Function:
    return begin()


@needs_client
def test_a_function(function: Function) -> None:
    """Gems and files of layers, gems that Ruby brings, the context; several lines are one entry of the log."""
    for n in (1, 2):
        outcome = function.invoke({"n": n}, client_context='{"custom": {"a": "b"}}')
        assert outcome.error is None, text_of(outcome)
        document = json.loads(outcome.payload)
        variables = document.pop("env")
        assert document == {
            "n": n,
            "layers": ["plain", "gem"],
            "encoding": "UTF-8",
            "context": {
                "function_name": function.environment.spec.function_name,
                "memory_limit_in_mb": "256",
                "aws_request_id": outcome.request_id,
                "client_context": {"custom": {"a": "b"}},
            },
            "in_time": True,
        }
        assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_ruby3.3"
        lines = [text for _, text in outcome.log_lines]
        assert f"plain ä {n}\n" in lines
        (logged,) = [line for line in lines if "logged" in line]
        assert logged.startswith("I, [20")
        assert logged.endswith(f"INFO {outcome.request_id} -- : logged\ntwice\n")


@needs_client
def test_a_function_that_fails(function: Function) -> None:
    """Recorded: errorType is Function<RuntimeError>, the message is the exception's own. It lives on."""
    outcome = function.invoke({"why": "some_error_msg"})
    document = json.loads(outcome.payload)
    assert outcome.error == "Unhandled"
    assert document["errorMessage"] == "Error: some_error_msg"
    assert document["errorType"] == "Function<RuntimeError>"
    assert document["stackTrace"][0].startswith("/var/task/app.rb:13:in ")
    assert "Error raised from handler method\n" in text_of(outcome)
    assert function({"n": 3})["n"] == 3


@needs_client
def test_what_a_function_sees_cannot_be_changed(function: Function) -> None:
    code = """
    %w[/var/runtime/gems /var/runtime/bootstrap.rb /var/lang/bin/ruby /var/task].map do |path|
      begin
        File.directory?(path) ? Dir.mkdir("#{path}/x") : File.open(path, 'a')
        'changed'
      rescue SystemCallError => refused
        refused.class.name
      end
    end
    """
    assert set(function({"code": code})) <= {"Errno::EROFS", "Errno::EACCES"}
    programs = "`ruby -e 'puts 6 * 7'` + Thread.new { fork { exit 3 }; Process.wait; $?.exitstatus }.value.to_s"
    assert function({"code": programs}) == "42\n3"


@needs_client
def test_a_method_of_a_class(begin: Callable[..., Function]) -> None:
    """The handler is file.Module::Class.method; what is an IO is answered as it is."""
    assert begin("app.Deep::Handler.process")({}) == "deep"


MISTAKES: dict[str, tuple[str, str, str, str]] = {
    # name: (handler, source, errorType, what the log explains)
    "no such method": ("app.nothing", "", "Function<NoMethodError>", "undefined method"),
    "no such file": (
        *("main.handler", "", "Init<LoadError>"),
        "pilvi: the handler main.handler names the file main.rb, which is not in the package.",
    ),
    "no such gem": (
        *("app.handler", "require 'nokogiri_of_nobody'", "Init<LoadError>"),
        "cannot load such file -- nokogiri_of_nobody",
    ),
    "a wrong name": (
        *("app", "", "Init<ArgumentError>"),
        "pilvi: the handler app is not of the form file.method or file.Class.method.",
    ),
}


@needs_client
@pytest.mark.parametrize("name", MISTAKES)
def test_usual_mistakes(begin: Callable[..., Function], name: str) -> None:
    """In the words of AWS's client; the log says besides what is wrong with the package."""
    handler, source, kind, explained = MISTAKES[name]
    outcome = begin(handler, source).invoke({})
    assert json.loads(outcome.payload)["errorType"] == kind
    assert explained in text_of(outcome)


@needs_client
@pytest.mark.parametrize("backend", ["process", "bubblewrap"])
def test_other_backends(tmp_path: Path, backend: str) -> None:
    """The client and the gems beside it are found where the host has them, and a layer where it was unpacked."""
    if backend == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("there is no bubblewrap here")
    room = Room(tmp_path, backend=backend)
    try:
        layer = layer_of(tmp_path / "layer")
        function = room.start(runtime="ruby3.3", files={"app.rb": SOURCE}, layer_dirs=(layer,))
        assert function({"n": 1})["layers"] == ["plain", "gem"]
    finally:
        room.end_functions()
        room.close()


@needs_client
def test_a_wrapper(begin: Callable[..., Function]) -> None:
    """A wrapper script gets the command of the runtime, which it may change."""
    files = {
        "app.rb": "def handler(event:, context:) = ENV['WRAPPED']",
        "wrap": '#!/bin/sh\nWRAPPED=yes exec "$@"\n',
    }
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}
    function = begin(files=files, environment=wrapper)
    assert function({}) == "yes"


@needs_client
@pytest.mark.parametrize("backend", ["namespaces", "bubblewrap"])
def test_a_ruby_in_a_home(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """As rbenv installs them; it is at the same place for functions, because that is compiled into it."""
    if backend == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("there is no bubblewrap here")
    system = next((ruby for ruby in RUBIES if ruby.prefix == Path("/usr") and ruby.libraries), None)
    if system is None:
        pytest.skip("the system has no Ruby that could be copied")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:  # /tmp is another one inside
        prefix = install(Path(home), "9.9.9")
        shutil.copy(system.executable, prefix / "bin" / "ruby")
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("GEM_HOME", str(system.libraries[0].parent.parent))
        room = Room(Path(home) / "room", backend=backend)
        try:
            source = (
                "def handler(event:, context:) = [File.readlink('/proc/self/exe'), `which ruby`]"
            )
            function = room.start(runtime="ruby9.9", files={"app.rb": source})
            assert function({}) == [f"{prefix}/bin/ruby", "/var/lang/bin/ruby\n"]
        finally:
            room.end_functions()
            room.close()


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(runtimes, "_RUBY_CANNOT_BE_IN", ())
    for name in ("GEM_HOME", "GEM_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def install(home: Path, version: str) -> Path:
    """What rbenv makes of a Ruby, as far as it is looked at."""
    prefix = home / ".rbenv" / "versions" / version
    api = f"{version.rpartition('.')[0]}.0"
    settings = prefix / "lib" / "ruby" / api / "x86_64-linux" / "rbconfig.rb"
    settings.parent.mkdir(parents=True)
    names = zip(("MAJOR", "MINOR", "TEENY"), version.split("."), strict=True)
    told = [*names, ("ruby_install_name", "$(RUBY_BASE_NAME)"), ("ruby_version", api)]
    settings.write_text("".join(f'  CONFIG["{name}"] = "{value}"\n' for name, value in told))
    (prefix / "bin").mkdir()
    (prefix / "bin" / "ruby").write_text("")
    (prefix / "bin" / "ruby").chmod(0o755)
    return prefix


def test_rubies_are_found_without_being_started(at_home: Path) -> None:
    """The newest of each minor version, and the newest client, of version 3 at least, wherever its gems are."""
    for version in ("9.3.7", "9.3.8", "9.4.1"):
        prefix = install(at_home, version)
    for place, client in (
        (prefix / "lib/ruby/gems/9.4.0", "aws_lambda_ric-3.1.3"),
        (prefix / "lib/ruby/gems/9.4.0", "aws_lambda_ric-3.0.0"),
        (at_home / ".gem/ruby/9.3.0", "aws_lambda_ric-2.0.0"),
    ):
        (place / "gems" / client / "lib").mkdir(parents=True)
        (place / "gems" / client / "lib" / "aws_lambda_ric.rb").write_text("")
    found = {ruby.version: ruby for ruby in runtimes.find_rubies() if ruby.version[0] == 9}
    assert set(found) == {(9, 3, 8), (9, 4, 1)}
    newest = found[9, 4, 1]
    assert newest.executable == prefix / "bin" / "ruby"
    assert [client.name for client in newest.libraries] == ["aws_lambda_ric-3.1.3"]
    assert newest.lacking is None
    resolved = runtimes.Runtimes([newest]).resolve("ruby4.0")
    assert resolved.interpreter is newest
    assert resolved.warning is not None
    with pytest.raises(InvalidEntrypoint, match="gem install aws_lambda_ric"):
        runtimes.Runtimes([found[9, 3, 8]]).resolve("ruby3.2")


def test_the_nearest_version_runs(at_home: Path) -> None:
    """Of two major versions the newest of the older one is the next."""
    for version in ("9.1.0", "9.4.0", "10.2.0"):
        prefix = install(at_home, version)
        client = prefix / "lib/ruby/gems/a/gems/aws_lambda_ric-3.0.0/lib/aws_lambda_ric.rb"
        client.parent.mkdir(parents=True)
        client.write_text("")
    here = runtimes.Runtimes([ruby for ruby in runtimes.find_rubies() if ruby.version[0] > 8])
    chosen = {}
    for wanted in ("10.0", "9.3", "9.0"):
        resolved = here.resolve(f"ruby{wanted}")
        assert resolved.interpreter is not None
        chosen[wanted] = resolved.interpreter.version
    assert chosen == {"10.0": (10, 2, 0), "9.3": (9, 4, 0), "9.0": (9, 1, 0)}
