"""The guards of zips, tars and names."""

from __future__ import annotations

from tests.hostile.guard import READERS, Edit, Guard, guard, never, uncaught

SNIFF, ZIP_END = "core/datasets/sniff.py", "core/datasets/zip_end.py"
ZIP, TAR, STREAMS = f"{READERS}/zip_directory.py", f"{READERS}/tar.py", f"{READERS}/streams.py"
NAMES, FOLDERS = f"{READERS}/imagefolder.py", f"{READERS}/folders.py"
DECODER = "core/datasets/decoder.py"
SAFE = "if not imagefolder.is_safe(name, entry.size):"
UNKNOWN_KIND = """    if header.kind != FOLDER:
        raise bad(f"the member {name} is of an unknown kind")
"""
ADDS_UP = Edit(ZIP_END, "if offset + length != end:", "if False:")
ONE_PART = Edit(ZIP_END, "if disk or first_disk or here != members:", "if False:")
SHORT_TAR = Edit(TAR, "        if len(data) < length:\n", "        if False:\n")
PAST_TAR = Edit(TAR, "if self._size is not None and position > self._size:", "if False:")

FIRST_LOOK: tuple[Guard, ...] = (
    never("an empty upload", SNIFF, "if size == 0:", "T13-no-bytes"),
    never("a zip of nothing", SNIFF, "if head[:4] == END_SIGNATURE:", "T13-a-zip-of-nothing"),
    never("no archive", SNIFF, "if head[:4] != LOCAL_SIGNATURE:", "T13-a-rar", "T13-a-7-zip", "T13-a-web-page", "T13-a-pdf",
          "T13-a-bzip2", "T13-an-xz", "T13-a-part-of-a-split-zip", "T13-a-program", "T13-zeros", "T13-a-single-image"),
    guard("a pickle", SNIFF, 'if head[:1] == b"\\x80"', 'if head[:1] == b"\\x81"', "T13-a-pickle"),
    never("members by the end record", SNIFF, "if members > max_members:", "T14-five-million-members-*", "T14-a-million-million-*"),
    never("encryption", SNIFF, "if flags & 0x2041:", "T11-*encrypted*"),
    never("unknown compression", SNIFF, "if method not in READABLE_METHODS:", "T11-compression-method-*", "T11-bzip2", "T11-*lzma"),
    never("the end of a Parquet file", SNIFF, "if not tail.endswith(PARQUET_MAGIC):", "T12-a-parquet-file-without-its-end"),
    never("two end records", ZIP_END, "if len(found) > 1:", "T7-two-end-records", also=(ADDS_UP,)),
    never("bytes after the end record", ZIP_END, "if END_SIGNATURE in tail and not cut:", "T7-bytes-after-the-end"),
    guard("a zip without an end", ZIP_END, "    raise truncated()\n", "    return max(0, len(tail) - END.size)\n",
          "T12-a-zip-without-its-end", "T12-half-a-zip", "T12-a-zip-cut-in-its-end-record", also=(ONE_PART,)),
    never("one part of a zip", ZIP_END, "if disk or first_disk or here != members:", "T12-one-part-of-a-split-zip"),
    never("bytes before the first member", ZIP_END, "if offset + length != end:", "T7-bytes-before-that-nobody-counted"),
    never("where the wide end record lies", ZIP_END, "if signature != WIDE_END_SIGNATURE or record + 12 + length != locator:",
          "T7-a-wide-end-record-that-*"),
    never("that the wide end record lies in the zip", ZIP_END, "if disk or disks > 1 or record < 0 or record + WIDE_END.size > locator:",
          "T7-a-wide-end-record-far-away"),
    never("end records that disagree", ZIP_END, "if any(a not in (b, full) for a, b, full in zip(short, wide, saturated, strict=True)):",
          "T7-two-end-records-that-disagree"),
)  # fmt: skip

ZIPS: tuple[Guard, ...] = (
    never("members that are read", ZIP, "if end.members > limits.max_members:", "T14-more-members-than-the-worker-reads", also=(Edit(SNIFF, "if members > max_members:", "if False:"),)),
    never("bytes that a zip says it unpacks to", ZIP, "if total > limits.max_expansion * size:", "T1-a-bomb-by-its-own-word", "T1-a-bomb-in-many-*"),
    never("bytes that a member unpacks to", ZIP, "if have > entry.size:", "T1-a-bomb-that-says-it-is-small"),
    never("where the next member begins", ZIP, "if rest < 0:", "T2-*", also=(
        Edit(ZIP, "        self._refuse_overlaps()\n", ""), Edit(ZIP, "if rest:  # as", "if False:  # as"))),
    never("bytes between members", ZIP, "if rest:", "T7-a-member-hidden-*"),
    never("two members of one name", ZIP, "if name in seen:", "T7-two-members-of-one-name", "T7-one-name-in-two-encodings"),
    guard("the name in a member's header", ZIP, "raw != entry.raw or", "", "T7-another-name-in-*"),
    never("the sizes in a member's header", ZIP, "if (size, packed_bytes) != (entry.size, entry.packed_bytes):", "T7-two-sizes-of-a-member-*"),
    never("the first byte is the first member's", ZIP, "if self._records and self._entry(0).offset:", "T7-bytes-before-the-first-member"),
    never("a directory that is too short", ZIP, "if left < CENTRAL.size:", "T7-fewer-members-*"),
    never("a directory that is too long", ZIP, "if left:", "T7-a-directory-that-is-longer-*"),
    never("links", ZIP, "if kind == stat.S_IFLNK:", "T4-a-symbolic-link"),
    never("special files", ZIP, "if kind not in (0, stat.S_IFREG, stat.S_IFDIR):", "T5-a-pipe", "T5-a-*-device", "T5-a-socket"),
    guard("only the kind of a mode counts", ZIP, "stat.S_IFMT(attributes >> 16)", "attributes >> 16", "T5-a-setuid-bit-*"),
    never("checksums", ZIP, "if len(data) != entry.size or zlib.crc32(data) != entry.crc:", "T12-a-member-with-another-*", "T12-a-member-that-unpacks-*"),
    uncaught("bytes that do not unpack", ZIP, "except zlib.error as error:", "T12-a-member-that-does-not-unpack"),
    guard("names in any encoding", ZIP, '"backslashreplace"', '"strict"', "T9-names-that-are-no-utf-8"),
    guard("names as they are written", ZIP, 'return self.raw.decode("utf-8")', 'return self.raw.decode("utf-8").lower()', "T8-names-that-differ-*"),
)  # fmt: skip

PATHS: tuple[Guard, ...] = (
    never("safe paths", f"{READERS}/__init__.py", SAFE, "T3-*"),
    guard("dots that are written by number", NAMES, '.replace("%2e", ".")', "", "T3-*2e*"),
    guard("backslashes", NAMES, '"\\\\" in name or ', "", "T3-zip-path-4-*", "T3-zip-path-5-*"),
    guard("drives", NAMES, "DRIVE.match(name) or ", "", "T3-zip-path-3-*"),
    never("control characters in names", NAMES, 'if not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name):', "T9-a-nul-*", "T9-a-new-line-*", "T9-a-c1-*"),
    guard("letters that are only shown otherwise", NAMES, '== "Cc" for', 'in ("Cc", "Cf") for', "T9-a-name-that-is-shown-*"),
    guard("long paths", NAMES, "size_of_name > limits.max_path_bytes", "False", "T10-too-long-a-path"),
    guard("long names", NAMES, "any(len(part.encode()) > limits.max_component_bytes for part in parts)", "False", "T10-too-long-a-name"),
    guard("deep paths", NAMES, "len(parts) > limits.max_depth", "False", "T10-forty-folders-deep"),
    guard("long and deep paths", NAMES, '"name-too-long",', '"bad-name",', "T10-ten-thousand-*"),
    guard("paths that are far too long for a frame", FOLDERS, "name[:LONGEST]", "name", "T10-a-path-of-600-*", "T10-a-name-of-a-million-*",
          also=(Edit(FOLDERS, "escaped if len(escaped) < LONGEST else escaped[: LONGEST - 1]", "escaped if escaped else escaped"),)),
    never("archives by their names", NAMES, "if _ending(parts[-1]) in ARCHIVE_ENDINGS:", "T6-an-archive-by-its-name"),
    guard("archives by their bytes", DECODER, 'if problem.code == "image-format" and (', "if False and (", "T6-a-zip-that-*", "T6-a-tar-that-*"),
    never("large files", NAMES, "if size > limits.max_member_bytes:", "T19-a-file-larger-*", also=(Edit("core/datasets/parser.py", "if len(data) > limits.max_member_bytes:", "if False:"),)),
)  # fmt: skip

TARS: tuple[Guard, ...] = (
    never("bytes that a stream unpacks to", STREAMS, "if self._total > self._most:", "T1-a-tar-*"),
    never("links in a tar", TAR, "if header.kind in LINKS:", "T4-*-in-a-tar"),
    never("special files in a tar", TAR, "if header.kind in SPECIAL:", "T5-*-in-a-tar", "T5-a-file-with-holes"),
    never("holes in words", TAR, 'if key.startswith(b"GNU.sparse"):', "T5-a-file-with-holes-in-words"),
    never("two members of one name in a tar", TAR, "if entry.raw in names:", "T7-two-members-of-one-name-in-a-tar"),
    never("bytes after a tar", TAR, 'if rest.strip(b"\\0"):', "T7-two-tars-*", "T7-bytes-after-the-end-of-a-tar"),
    never("bytes after a gzip", STREAMS, "if data and not (data[:2] == GZIP or (len(data) == 1 and data == GZIP[:1])):", "T7-bytes-after-a-gzip"),
    guard("the end of a tar", TAR, SHORT_TAR.text, SHORT_TAR.instead, "T12-a-tar-*", also=(PAST_TAR, Edit(TAR, "if self._at(position) != EMPTY or self._at(position + BLOCK) != EMPTY:", "if False:"))),
    guard("the end of a gzip", STREAMS, "elif not data and not decoder.eof:\n                raise cut()", "elif not data and not decoder.eof:\n                return", "T12-a-gzip-that-was-cut", "T12-a-gzip-without-its-checksum"),
    uncaught("bytes that are no gzip", STREAMS, "except zlib.error as error:", "T12-a-gzip-with-another-*"),
    uncaught("bytes that are no Zstandard", STREAMS, "except OSError as error:", "T12-a-zst-*"),
    never("digits", TAR, 'if not all(digit in b"01234567" for digit in digits):', "T13-a-gzip-of-no-tar", "T15-a-size-that-is-no-number"),
    never("checksums of headers", TAR, "if total != sum(plain) and total != sum(byte - 256 if byte > 127 else byte for byte in plain):", "T15-a-damaged-checksum"),
    never("members of a tar", TAR, "if len(self._records) == limits.max_members:", "T14-more-members-of-a-tar-*"),
    never("bytes of an extended header", TAR, "if header.size > MOST_EXTENDED:", "T15-*-of-two-mib"),
    never("negative sizes", TAR, "if field[0] != 0x80 or value > LARGEST:", "T15-a-negative-size", "T15-a-size-of-95-bits"),
    never("sizes beyond the file", TAR, "if self._size is not None and position > self._size:", "T15-a-size-beyond-the-file", also=(SHORT_TAR,)),
    never("sizes in words", TAR, "if not text.isdigit() or len(text) > 18:", "T15-a-negative-size-in-words", also=(Edit(TAR, "if size != header.size and size <= OCTAL:", "if False:"),)),
    never("two sizes of a member", TAR, "if size != header.size and size <= OCTAL:", "T15-two-sizes-of-a-member"),
    guard("kinds of members", TAR, UNKNOWN_KIND, "", "T15-an-unknown-kind-of-member"),
    guard("records of an extended header", TAR, 'if not at + len(length) + 3 <= end <= len(content) or content[end - 1 : end] != b"\\n":', "if False:", "T15-records-that-end-elsewhere"),
    never("headers for all members", TAR, 'elif header.kind == GLOBAL and {"path", "size"} & _records(content).keys():', "T15-a-header-for-all-*"),
    never("headers of no member", TAR, "if told:", "T15-a-header-that-belongs-*"),
    never("files without a name", TAR, "elif header.kind != FOLDER:", "T15-a-file-without-a-name"),
    guard("zeros in an extended header", TAR, 'content = content.rstrip(b"\\0")', "pass", "T15-an-extended-header-of-zeros"),
)  # fmt: skip

GUARDS: tuple[Guard, ...] = (*FIRST_LOOK, *ZIPS, *PATHS, *TARS)
