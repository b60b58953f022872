"""Frames: what goes into a message comes out of it, or is known to have been altered."""

from __future__ import annotations

import dataclasses
import gzip
import json
import random
import re
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from discobase.engine.keys import KINDS
from discobase.engine.log.frame import (
    GENESIS,
    UNPACKED,
    Limits,
    Malformed,
    check_files,
    encode,
    read_header,
    read_operations,
    read_payload,
)
from discobase.engine.operations import (
    Constrain,
    Declare,
    Delete,
    FieldSchema,
    Keys,
    LaterFormat,
    Loaded,
    Put,
    Release,
    Schema,
    from_line,
    to_line,
)
from discobase.engine.together import TOGETHER, together
from discobase.errors import RecordTooLarge

SCHEMA = '{"fields":{"x":{"kind":"plain","print":"p"}},"index":[],"unique":["x"]}'

NASTY = ["```", "\n```", "`", "@everyone", "\ud800", "\u2028", "  ", "\x00", "é", "😀", '"]', "\\"]

texts = st.one_of(st.text(), st.sampled_from(NASTY), st.text(st.characters(), max_size=5))
data = st.dictionaries(st.text(max_size=8), texts, max_size=4).map(
    lambda record: json.dumps(record).replace("`", "\\u0060")
)
tables = st.one_of(st.text(max_size=12), st.sampled_from(NASTY))
pks = st.integers(1, 2**63 - 1)
names = st.text(max_size=5)
fingerprints = st.text("abc*-", min_size=1, max_size=8)
lone_kinds = st.sampled_from(sorted(KINDS - {TOGETHER}))
fields = st.builds(FieldSchema, lone_kinds, fingerprints, st.none() | st.text(max_size=5))
named_fields = st.tuples(names, fields) | st.dictionaries(
    names.filter(bool), fields, min_size=2, max_size=3
).map(lambda held: (together(held), FieldSchema.together([held[each] for each in sorted(held)])))
types = st.dictionaries(st.text(max_size=5), texts, max_size=2)
schemas = st.lists(named_fields, max_size=3).map(
    lambda pairs: Schema(
        fields := dict(pairs), unique=tuple(fields)[:1], indexed=tuple(fields)[1:2]
    )
)
schemas_of_0_1 = st.lists(names, unique=True, max_size=3).map(
    lambda names: Schema({name: FieldSchema("plain") for name in names}, tuple(names[:1])).to_json()
)
numbers = st.integers(1, 10**6)
operations = st.one_of(
    st.builds(Put, tables, pks, data, st.integers(0, 10**6)),
    st.builds(Delete, tables, pks),
    st.builds(Declare, tables, schemas_of_0_1),
    st.builds(
        Declare,
        tables,
        st.tuples(schemas, types).map(lambda pair: replace(pair[0], types=pair[1]).to_json()),
        numbers,
        st.integers(0, 10**9),
    ),
    st.builds(
        lambda table, named, *rest: Keys(table, *named, *rest),
        tables,
        named_fields,
        st.lists(st.tuples(pks, texts), max_size=3).map(tuple),
        st.none() | st.builds(Loaded, numbers, numbers, numbers),
    ),
    st.builds(Constrain, tables, names, numbers),
    st.builds(Release, tables, names),
)
limits = st.sampled_from(
    [
        Limits(),
        Limits(inline=0),
        Limits(inline=300, attachment=64, message=100_000, files=10_000),
        Limits(inline=400, attachment=1_000, message=9_000, files=9),
    ]
)


def encoded(lines, limits=Limits(), seq=7, chain=GENESIS):  # noqa: B008 - frozen
    return encode(lines, seq=seq, chain=chain, writer="w", time=1_790_000_000.123, limits=limits)


def decoded(content, files):
    header = read_header(content)
    return None if header is None else read_operations(header, read_payload(header, content, files))


def files_of(draft):
    return [upload.data for upload in draft.uploads]


@given(operations)
def test_an_operation_is_one_plain_line_that_reads_back(operation):
    line = to_line(operation)
    assert line.isascii()
    assert "\n" not in line
    assert from_line(line) == operation
    assert json.loads(line)[1] == operation.table


def test_an_operation_whose_names_hold_a_fence_does_not_close_it():
    operations = [
        Put("```", 1, "{}"),
        Keys("a", "\n```", FieldSchema("plain", "p"), ((1, "```"),)),
        Constrain("a", "```", 1),
    ]
    draft = encoded(operations)
    assert draft.content.count("`") == 6, "only the fence"
    assert decoded(draft.content, ()) == operations


def test_a_primary_key_that_sqlite_cannot_store_is_of_a_later_version():
    for operation in (Put("a", 2**63 - 1, "{}"), Delete("a", 2**63 - 1)):
        assert from_line(to_line(operation)) == operation
        with pytest.raises(LaterFormat):
            from_line(to_line(operation).replace(str(2**63 - 1), str(2**63)))


@pytest.mark.parametrize("line", ["", "[]", "[1]", "[[]]", "{}", "7", '"put"', "nonsense"])
def test_a_line_that_is_no_operation_is_refused(line):
    with pytest.raises(ValueError, match="no operation"):
        from_line(line)


@pytest.mark.parametrize(
    "line",
    [
        '["drop","a"]',
        '["put","a",1]',
        '["put","a",0,{}]',
        '["put","a",1,{},7]',
        '["put","a",1,{x}]',
        '["put","a",1,1,{x}]',
        '["put","a",1,{"x":}]',
        '["put","a",1,{"x":1}}]',
        '["put","a",1,{"x":1}{}]',
        '["schema","a",{x}]',
        '["put","a",1,{"x":{}},{"y":"},{"}]',
        '["schema","a",{"fields":{},"index":[],"unique":[]},{"more":1}]',
        '["del","a",-1]',
        '["keys","a","x",{"kind":"plain","print":"p"},null,[[1,"k"],[0,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p"},null,[[1,"k"],[2,"k",3]]]',
        '["keys","a","x",{"kind":"plain","print":"p"},null,[[true,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p"},[1,2],[[1,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p"},[true,2,3],[[1,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p"},[-1,2,3],[[1,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p"},NaN,[[1,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p","print":"q"},null,[[1,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p","more":NaN},null,[[1,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":7},null,[[1,"k"]]]',
        '["keys","a","x",{"kind":"plain","print":"p"}, null,[[1,"k"]]]',
        '["declare","a",1,0,{"fields":{"x":{"kind":"plain","print":7}},"index":[],"unique":[]}]',
        '["keys","a","x",{"kind":"colour","print":"p"},null,[[1,"k"]]]',
        '["schema","a",{"fields":{"x":"colour"},"index":[],"unique":[]}]',
    ],
)
def test_an_operation_of_a_form_that_is_not_known_is_of_a_later_version(line):
    with pytest.raises(LaterFormat):
        from_line(line)


@pytest.mark.parametrize("data", ['{"x":NaN}', '{"x":1,"x":2}', "{}", '{"x":"},{"}'])
def test_what_is_put_is_what_python_takes_for_an_object(data):
    assert from_line(f'["put","a",1,{data}]') == Put("a", 1, data)


@pytest.mark.parametrize("more", [',{"more":1}', ",{}", ",1", ',"}"'])
def test_so_is_one_with_something_behind_the_object_that_ends_it(more):
    for operation in (Put("a", 1, "{}"), Put("a", 1, "{}", 2), Declare("a", SCHEMA, 1)):
        assert from_line(to_line(operation)) == operation
        with pytest.raises(LaterFormat):
            from_line(f"{to_line(operation)[:-1]}{more}]")


@pytest.mark.parametrize("line", ['["note?"]', '["put?","a",1,{"x":1}]', '["?",{"any":["thing"]}]'])
def test_an_operation_that_is_marked_so_may_be_passed_over(line):
    assert from_line(line) is None


def test_operations_that_are_passed_over_count_as_operations():
    draft = encoded([Put("a", 1, "{}"), Delete("a", 1)])
    payload = read_payload(draft.header, draft.content, ())
    first, second = payload.split(b"\n")
    known = read_operations(dataclasses.replace(draft.header, operations=3), payload + b'\n["n?"]')
    assert known == [Put("a", 1, "{}"), Delete("a", 1)]
    with pytest.raises(Malformed, match="3 operations"):
        read_operations(draft.header, b"\n".join([first, b'["n?"]', second]))


@given(st.lists(operations, min_size=1, max_size=8), limits, st.integers(1, 10**12))
def test_what_goes_into_a_frame_comes_out_of_it(lines, limits, seq):
    try:
        draft = encoded(lines, limits, seq)
    except RecordTooLarge:
        reject()
    assert decoded(draft.content, files_of(draft)) == lines
    assert read_header(draft.content) == draft.header
    assert draft.header.seq == seq


@given(st.lists(operations, min_size=1, max_size=8), limits)
def test_a_frame_keeps_to_what_discord_takes(lines, limits):
    try:
        draft = encoded(lines, limits)
    except RecordTooLarge:
        reject()
    assert len(draft.content) <= 2_000
    assert draft.content.isascii()
    assert draft.content == draft.content.strip()
    assert draft.content.count("`") == 6, "only the fence"
    assert len(draft.uploads) <= limits.files
    assert all(0 < len(upload.data) <= limits.attachment for upload in draft.uploads)
    assert sum(len(upload.data) for upload in draft.uploads) <= limits.message


@given(st.lists(operations, min_size=1, max_size=4), limits, st.data())
def test_an_altered_payload_is_found_out_wherever_it_is_altered(lines, limits, choose):
    try:
        draft = encoded(lines, limits)
    except RecordTooLarge:
        reject()
    content, files = draft.content, files_of(draft)
    if files:
        number = choose.draw(st.integers(0, len(files) - 1))
        place = choose.draw(st.integers(0, len(files[number]) - 1))
        old = files[number]
        new = old[place] ^ choose.draw(st.integers(1, 255))
        files[number] = old[:place] + bytes([new]) + old[place + 1 :]
        if draft.header.encoding == "jsonl.gz" and _unpacks_alike(files, files_of(draft)):
            return
    else:
        start = content.index("\n", 8) + 1
        place = choose.draw(st.integers(start, len(content) - 5))
        letter = choose.draw(st.characters(max_codepoint=0x2FF))
        if letter == content[place]:
            return
        content = content[:place] + letter + content[place + 1 :]
    with pytest.raises(Malformed):
        decoded(content, files)


def _unpacks_alike(altered, original):
    """Some bytes of a gzip header (its time, its system) say nothing of what is in it."""
    import gzip
    import zlib

    try:
        return gzip.decompress(b"".join(altered)) == gzip.decompress(b"".join(original))
    except (OSError, EOFError, zlib.error):
        return False


@given(st.lists(operations, min_size=1, max_size=2), st.data())
def test_an_altered_header_has_another_hash_or_is_no_header(lines, choose):
    draft = encoded(lines)
    end = draft.content.index("\n", 8)
    place = choose.draw(st.integers(0, end - 1))
    letter = choose.draw(st.characters(max_codepoint=0x2FF))
    if letter == draft.content[place]:
        return
    altered = draft.content[:place] + letter + draft.content[place + 1 :]
    try:
        header = read_header(altered)
    except (Malformed, LaterFormat):
        return
    assert header is None or header.hash != draft.header.hash


def test_a_frame_whose_header_is_what_makes_it_too_long_for_a_text_hangs_on_it_as_a_file():
    for size in range(1_500, 1_950, 10):
        draft = encoded([Put("a", 1, json.dumps({"x": "y" * size}))])
        assert len(draft.content) <= 1_900
        assert (draft.header.encoding == "inline") == (not draft.uploads)


def test_a_payload_in_several_files_comes_out_of_them():
    rows = [Put("a", pk, json.dumps({"n": f"{pk * 7919:x}"})) for pk in range(1, 60)]
    for attachment in (200, 201, 202):
        draft = encoded(rows, Limits(inline=100, attachment=attachment, files=50, message=100_000))
        assert len(draft.uploads) > 2
        assert decoded(draft.content, files_of(draft)) == rows


def test_a_missing_or_exchanged_file_is_found_out():
    rows = [Put("a", pk, json.dumps({"n": f"{pk * 7919:x}"})) for pk in range(1, 60)]
    draft = encoded(rows, Limits(inline=100, attachment=200, files=50, message=100_000))
    files = files_of(draft)
    assert len(files) > 2
    for wrong in (files[:-1], files[1:], [files[1], files[0], *files[2:]], []):
        with pytest.raises(Malformed):
            decoded(draft.content, wrong)


def test_a_frame_that_is_cut_off_is_malformed():
    draft = encoded([Put("a", 1, "{}")])
    with pytest.raises(Malformed, match="not closed"):
        read_header(draft.content[:-1])


@pytest.mark.parametrize(
    ("later", "needs"),
    [
        ('{"discobase":2,', None),
        ('{"discobase":2,"needs":"0.4",', "0.4"),
        ('{"discobase":10,"other":[],"needs":"1.0rc1",', "1.0rc1"),
    ],
)
def test_a_later_format_is_named_with_the_version_that_it_needs(later, needs):
    content = encoded([Put("a", 1, "{}")]).content.replace('{"discobase":1,', later)
    with pytest.raises(LaterFormat) as raised:
        read_header(content)
    assert raised.value.what == f"a frame of format {later[13:].split(',')[0]}"
    assert raised.value.needs == needs


@pytest.mark.parametrize(
    ("operation", "needs"),
    [
        (Put("a", 1, "{}"), None),
        (Delete("a", 1), None),
        (Declare("a", '{"fields":{},"index":[],"unique":[]}'), None),
        (Put("a", 1, "{}", 1), "2.0"),
        (Declare("a", SCHEMA, 1), "2.0"),
        (Keys("a", "x", FieldSchema("plain", "p"), ((1, "k"),)), "2.0"),
        (Constrain("a", "x", 1), "2.0"),
        (Release("a", "x"), "2.0"),
    ],
)
def test_a_frame_names_the_version_that_is_needed_for_any_of_what_is_in_it(operation, needs):
    assert encoded([Delete("a", 2), operation, Delete("a", 3)]).header.needs == needs


def test_a_later_format_may_have_any_form_after_its_number():
    with pytest.raises(LaterFormat) as raised:
        read_header('```json\n{"discobase":3 "needs":"2.0" <whatever>\nbinary')
    assert raised.value.needs == "2.0"


def test_what_data_says_is_not_taken_for_what_a_frame_needs():
    draft = encoded([Put("a", 1, '{"needs":"9.9"}')])
    with pytest.raises(LaterFormat) as raised:
        read_header(draft.content.replace('"discobase":1', '"discobase":2'))
    assert raised.value.needs is None


def test_a_payload_in_an_unknown_encoding_is_of_a_later_version():
    draft = encoded([Put("a", 1, "{}")], Limits(inline=0))
    header = dataclasses.replace(draft.header, encoding="jsonl.zst", needs="0.5")
    with pytest.raises(LaterFormat) as raised:
        read_payload(header, draft.content, files_of(draft))
    assert (raised.value.what, raised.value.needs) == (
        "a payload encoded as 'jsonl.zst'",
        "0.5",
    )


def test_digits_of_other_scripts_are_no_number_of_a_format():
    with pytest.raises(Malformed):
        read_header('```json\n{"discobase":٢,"needs":"9.9"}\n```')


@pytest.mark.parametrize("number", ["0", '"1"', "null", "-1", "1.5"])
def test_a_number_that_no_format_has_is_malformed(number):
    draft = encoded([Put("a", 1, "{}")])
    with pytest.raises(Malformed):
        read_header(draft.content.replace('"discobase":1', f'"discobase":{number}'))


@pytest.mark.parametrize("content", ["", "hello", "```json\n{}\n```", '{"discobase":1}'])
def test_other_messages_are_no_frames(content):
    assert read_header(content) is None


def test_small_frames_are_text_large_ones_files_and_compressible_ones_compressed():
    assert encoded([Put("a", 1, "{}")]).header.encoding == "inline"
    same = [Put("a", pk, '{"x":1}') for pk in range(1, 200)]
    assert encoded(same).header.encoding == "jsonl.gz"
    assert [upload.name for upload in encoded(same).uploads] == ["c7.jsonl.gz"]
    noise = f"{random.Random(1).getrandbits(16_000):x}"
    assert encoded([Put("a", 1, json.dumps({"x": noise}))]).header.encoding == "jsonl"


def test_what_one_message_cannot_carry_is_refused_with_size_and_limit():
    noise = f"{random.Random(1).getrandbits(160_000):x}"
    small = Limits(inline=100, attachment=1_000, message=5_000, files=3)
    assert small.payload == 3_000
    with pytest.raises(RecordTooLarge) as raised:
        encoded([Put("a", 1, json.dumps({"x": noise}))], small)
    assert raised.value.limit == 3_000
    assert raised.value.size > 15_000


def compressed():
    """A frame whose payload is compressed."""
    return encoded([Put("a", pk, '{"x":1}') for pk in range(1, 200)])


def test_no_more_is_unpacked_than_the_header_says():
    draft, bomb = compressed(), gzip.compress(b"x" * 256 * 1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="does not end where"):
            read_payload(draft.header, draft.content, [bomb])
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


def test_what_follows_a_packed_payload_is_malformed():
    draft = compressed()
    for more in (b"x", gzip.compress(b""), gzip.compress(b"x")):
        with pytest.raises(Malformed):
            read_payload(draft.header, draft.content, [files_of(draft)[0] + more])


def test_attachments_larger_than_their_payload_can_be_packed_are_refused():
    draft = compressed()
    noise = random.Random(1).randbytes(100_000)
    header = dataclasses.replace(draft.header, size=len(noise))
    check_files(header, [len(gzip.compress(noise))])
    with pytest.raises(Malformed, match="of attachments"):
        check_files(header, [100_000, 1_000])


@pytest.mark.parametrize("size", ["-1", str(UNPACKED + 1), "Infinity", "NaN", '"9"', "null"])
def test_a_payload_of_a_size_that_cannot_be_is_malformed(size):
    content = encoded([Put("a", 1, "{}")]).content
    size_now = re.search(r'"size":(\d+)', content)[0]
    assert read_header(content.replace(size_now, f'"size":{UNPACKED}'))
    with pytest.raises(Malformed):
        read_header(content.replace(size_now, f'"size":{size}'))


def test_no_frame_is_made_that_unpacks_to_more_than_a_reader_takes():
    half = Put("a", 1, json.dumps({"x": "x" * (UNPACKED // 2)}))
    with pytest.raises(RecordTooLarge, match="before compression") as raised:
        encoded([half, half])
    assert (raised.value.size > UNPACKED, raised.value.limit) == (True, UNPACKED)


def test_what_fits_compressed_is_not_refused_for_its_plain_size():
    rows = [Put("a", pk, '{"x":"the same"}') for pk in range(1, 500)]
    small = Limits(inline=100, attachment=3_000, message=3_000, files=1)
    draft = encoded(rows, small)
    assert draft.header.size > small.payload
    assert decoded(draft.content, files_of(draft)) == rows


def test_the_limits_of_discord_leave_room_for_the_form_around_the_files():
    assert Limits().payload == 20 * 1024 * 1024
    assert dataclasses.replace(Limits(), attachment=25 * 1024 * 1024).payload == 24 * 1024 * 1024


@pytest.mark.parametrize(
    "value",
    [
        *("Infinity", "-Infinity", "NaN", "1e999", "-1", "0", "1.5", "true", "null", '"7"'),
        *("[]", "{}", "9" * 5_000, str(2**63), "[" * 100_000),
    ],
)
@pytest.mark.parametrize("field", ["seq", "ops", "size", "behind"])
def test_a_number_that_cannot_be_is_malformed(field, value):
    draft = encode([Delete("a", 1)], seq=7, chain=GENESIS, writer="w", time=1.0, limits=Limits())
    head = draft.content.split("\n")[1].removesuffix("}")
    for written in (f'"{field}":7', f'"{field}":1', f'"{field}":{draft.header.size}'):
        head = head.replace(f"{written},", "")
    content = f'```json\n{head},"{field}":{value}}}\n["del","a",1]\n```'
    if value == "0" and field != "seq":
        assert read_header(content) is not None
        return
    with pytest.raises(Malformed):
        read_header(content)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("prev", ["7", "null", '["x"]', "{}", "true"]),
        ("writer", ["7", "null", '["x"]']),
        ("hash", ["7", "null"]),
        ("enc", ["7", "null", "[]"]),
        ("needs", ["7", "null", "[]"]),
        ("time", ['"7"', '"nan"', "null", "true", "[]", "9" * 400]),
    ],
)
def test_what_is_of_another_type_in_a_header_is_malformed(field, values):
    draft = encode([Delete("a", 1)], seq=7, chain=GENESIS, writer="w", time=1.0, limits=Limits())
    _, line, *_ = draft.content.split("\n")
    for value in values:
        altered = json.dumps(json.loads(line) | {field: "x"}, separators=(",", ":"))
        altered = altered.replace(f'"{field}":"x"', f'"{field}":{value}')
        with pytest.raises(Malformed):
            read_header(draft.content.replace(line, altered))


def test_a_line_that_is_too_deep_to_be_read_is_malformed():
    draft = encode([Delete("a", 1)], seq=7, chain=GENESIS, writer="w", time=1.0, limits=Limits())
    with pytest.raises(Malformed):
        read_operations(draft.header, b'["keys",' + b"[" * 100_000)
