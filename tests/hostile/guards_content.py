"""The guards of images, tables, arrays and Parquet files."""

from __future__ import annotations

from tests.hostile.guard import READERS, Edit, Guard, guard, never, uncaught

IMAGES, CONFINE, PARSER = "core/datasets/images.py", "core/datasets/confine.py", "core/datasets/parser.py"
INGEST, SUMMARY, PARSE = "core/datasets/ingest.py", "core/datasets/summary.py", "core/datasets/parse.py"
ROWS, TABLE, COCO = f"{READERS}/rows.py", f"{READERS}/table.py", f"{READERS}/coco.py"
RAW, PARQUET, NAMES, FOLDERS = (
    f"{READERS}/raw.py",
    f"{READERS}/parquet.py",
    f"{READERS}/imagefolder.py",
    f"{READERS}/folders.py",
)
MEMORY = Edit(CONFINE, "_mapped_bytes() + memory_bytes", "resource.RLIM_INFINITY")
PILLOW = Edit(IMAGES, "Image.MAX_IMAGE_PIXELS = limits.max_pixels", "Image.MAX_IMAGE_PIXELS = None")
CLASSES = Edit(INGEST, "if summary.classes > limits.max_classes:", "if False:")
SHORT_PICTURE = Edit(RAW, "if len(data) < block.picture.size:", "if False:")
ROWS_OF_ALL = Edit(PARQUET, "if sum(held) > limits.max_members:", "if False:")
UNLABELLED = 'elif member.get("label") is None:'
SEEN = 'vars(look).setdefault("seen", set())'

DECODING: tuple[Guard, ...] = (
    guard("half images", IMAGES, "ImageFile.LOAD_TRUNCATED_IMAGES = False", "ImageFile.LOAD_TRUNCATED_IMAGES = True", "T17-half-a-jpeg", "T17-half-a-png", "T19-*-that-explodes"),
    uncaught("whatever a decoder raises", IMAGES, "except Exception as error:  # decoders raise whatever a broken file makes them stumble on",
             "T17-a-*-with-other-bytes", "T17-the-first-bytes-*", "T19-a-png-of-no-width", "T17-half-a-*"),
    never("how large an image says it is", IMAGES, "if max(width, height) > limits.max_side or width * height > limits.max_pixels:",
          "T19-a-png-that-says-*", "T19-*-8000-by-8000", "T19-a-black-png-*", also=(PILLOW, MEMORY)),
    guard("memory of the child", CONFINE, MEMORY.text, MEMORY.instead, "T19-a-png-that-needs-*"),
    never("what is no image", IMAGES, "if kind is None:", "T17-no-bytes-*", "T20-an-svg", "T20-*-called-an-image", "T20-an-image-in-*", "T20-a-font-*", "T44-a-checkpoint-among-images"),
    guard("pixels without an agreed white", IMAGES, "if mode in COLOUR:", "if True:", "T22-a-picture-of-*"),
    guard("sixteen bits", IMAGES, '("I;16", "I;16L", "I;16B", "I;16N")', "()", "T22-a-png-of-16-bits"),
    guard("four inks", IMAGES, '"CMYK", ', "", "T22-a-jpeg-in-cmyk"),
    guard("what is transparent", IMAGES, 'TRANSPARENT = ("LA", ', "TRANSPARENT = (", "T22-grey-with-alpha"),
    guard("the first frame counts", IMAGES, "            image.load()\n            return", '            image.seek(0 if getattr(image, "n_frames", 1) == 1 else 10**9)\n            return', "T19-*-frames"),
    guard("a tail does no harm to a JPEG", IMAGES, 'if data[:3] == b"\\xff\\xd8\\xff":', 'if data[:3] == b"\\xff\\xd8\\xff" and data.endswith(b"\\xff\\xd9"):', "T20-a-jpeg-with-a-script-*"),
    guard("a tail does no harm to a PNG", IMAGES, 'if data[:8] == b"\\x89PNG\\r\\n\\x1a\\n":', 'if data[:8] == b"\\x89PNG\\r\\n\\x1a\\n" and data[-8:-4] == b"IEND":', "T20-a-png-with-a-zip-*"),
    guard("a comment does no harm", IMAGES, 'if data[:6] in (b"GIF87a", b"GIF89a"):', 'if data[:6] in (b"GIF87a", b"GIF89a") and b"<html" not in data:', "T20-a-gif-that-*"),
    guard("bytes decide what an image is", PARSER, "batch.add(told, data, text)", 'batch.add(told, data if data[6:10] != b"JFIF" or member.path.endswith("jpg") else b"x", text)', "T20-a-jpeg-that-is-called-png"),
    uncaught("broken EXIF blocks", IMAGES, "except (OSError, ValueError, SyntaxError, LookupError, TypeError, EOFError, struct.error):", "T22-a-broken-exif-block"),
    guard("copies are images too", PARSE, UNLABELLED, f'elif member.get("label") is None or data in {SEEN} or {SEEN}.add(data):', "T23-all-images-are-one-image"),
    guard("one colour is no division by nothing", IMAGES, "grey = mode in GREY or _is_grey(image)", "grey = 1 / (len(set(image.tobytes())) - 1) > 0", "T23-one-pixel-*"),
    guard("images that may be left out", INGEST, "return rejected > limits.max_reject_fraction * images", "return False", "T17-more-bad-images-*", "T27-labels-with-a-point-and-none-*", "T27-labels-of-bytes"),
    never("uploads without an image", INGEST, "if counts.accepted == 0:", "T25-no-image-at-all"),
)  # fmt: skip

LABELS: tuple[Guard, ...] = (
    guard("empty labels", ROWS, "return value or None", "return value", "T24-a-label-that-is-empty"),
    guard("labels that are missing", ROWS, "    if value is None:\n        return None\n", '    if value is None:\n        return "None"\n', "T24-a-label-that-is-null"),
    guard("files without a label", TABLE, "if out is None and self._labelled and label is None:", "if False:", "T24-a-row-without-a-label", also=(Edit(PARSE, UNLABELLED, "elif False:"),)),
    never("letters that no label may hold", ROWS, "if text(value) != value:", "T24-a-label-with-*", "T24-control-characters-*", "T24-a-class-with-a-nul-*", "T24-a-class-of-two-lines-*"),
    guard("long labels", FOLDERS, "if len(label.encode()) <= limits.max_label_bytes:", "if True:", "T24-a-label-of-300-bytes"),
    guard("classes that look alike", SUMMARY, ".strip().casefold()", "", "T24-labels-that-differ-*", "T24-folders-that-differ-*"),
    guard("small classes", SUMMARY, "if count < FEW or", "if", "T25-a-class-of-one-*"),
    never("images in no folder", PARSE, UNLABELLED, "T24-an-image-in-no-folder"),
    guard("one class keeps its folder", NAMES, "min(len(found.common or []), max(0, found.deepest - 1))", "len(found.common or [])", "T25-one-class-only"),
    never("classes in folders", FOLDERS, "if len(labels) > limits.max_classes:", "T26-*-in-folders", also=(CLASSES,)),
    never("classes in a table", TABLE, "if len(self._classes) > self._limits.max_classes:", "T26-*-in-a-table", also=(CLASSES,)),
    never("labels that number the images", INGEST, "if summary.looks_like_ids:", "T26-labels-that-number-*"),
    never("labels with a point", ROWS, "if isinstance(value, float):", "T27-a-label-that-is-nan", "T27-a-label-that-is-infinite", "T27-a-label-with-a-point"),
    never("labels of two kinds", TABLE, "if len(kinds) > 1:", "T27-numbers-and-text", "T27-a-label-that-is-true", "T27-a-label-that-is-a-list"),
)  # fmt: skip

TABLES: tuple[Guard, ...] = (
    uncaught("lines that are no JSON", ROWS, "except (ValueError, RecursionError) as error:", "T27-a-number-of-five-*", "T28-a-line-that-is-no-json", "T28-lists-within-lists"),
    guard("marks of byte order", ROWS, "data.removeprefix(BOM)", "data", "T28-a-mark-of-byte-order"),
    guard("semicolons", ROWS, 'DELIMITERS = ",;\\t"', 'DELIMITERS = ","', "T28-semicolons"),
    guard("line ends of old Macs", ROWS, 'newline=""', 'newline="\\n"', "T28-line-ends-*"),
    guard("lines end only where files' do", ROWS, "enumerate(io.StringIO(text, newline=None), start=1)", "enumerate(text.splitlines(), start=1)", "T28-a-line-separator-*"),
    uncaught("text that is no UTF-8", ROWS, "except UnicodeDecodeError as error:", "T28-latin-1", "T28-utf-16", also=(Edit(ROWS, "if data[:2] in UTF_16:\n        raise", "if False:\n        raise"),)),
    never("NUL in a table", ROWS, 'if "\\0" in text:', "T28-a-nul"),
    guard("quotes", ROWS, "delimiter=delimiter, strict=True", "delimiter=delimiter, strict=False", "T28-an-open-quote"),
    never("rows of another length", ROWS, "if len(fields) != len(header):", "T28-a-row-that-is-*", "T28-a-hundred-thousand-columns"),
    never("two columns of one name", ROWS, "if twice:", "T28-two-columns-*"),
    guard("long fields", ROWS, "csv.field_size_limit(FIELD)", "csv.field_size_limit(1 << 30)", "T28-a-field-of-200-kb"),
    never("lines that are no objects", ROWS, "if not isinstance(values, dict):", "T28-a-line-of-json-that-is-a-list"),
    never("values nested too deeply", ROWS, "if _is_deep(values):", "T28-lists-within-lists-of-*"),
    never("long lines", ROWS, "if len(line) > FIELD:", "T28-a-line-of-json-of-200-kb"),
    guard("what is told of one image", TABLE, "said.held += rows.weight(key) + rows.weight(told)", "pass", "T28-a-text-too-long-*"),
    guard("how many answers are told", TABLE, "if out is None and several and sum(map(rows.weight, several)) > rows.MOST_EXTRA:", "if False:", "T29-more-answers-*"),
    guard("rows without a file", TABLE, 'self.missing.append((printable(path) or f"line {row.at}", _missing(table, row)))', "pass", "T29-a-row-*", "T10-a-name-of-a-million-*"),
    never("files without a row", TABLE, "elif out is None and self._labelled:", "T29-a-file-without-its-row"),
    guard("every answer counts", TABLE, "said.votes.append(label)", "said.votes[:] = [label]", "T29-images-twice-*"),
    never("splits that are none", TABLE, "if known is None:", "T29-a-split-that-is-none"),
    never("two splits of one image", TABLE, "if said.split not in (None, known):", "T29-two-splits-*"),
    guard("names that are one when composed", TABLE, "self._composed[composed] = None if composed in self._composed else position", "self._composed[composed] = position", "T8-a-row-that-two-*"),
    uncaught("annotations of another shape", COCO, "except (ValueError, KeyError, TypeError, RecursionError) as error:", "T28-annotations-that-were-cut", "T28-annotations-of-another-shape"),
    never("annotations of what is not listed", COCO, "if rest:", "T28-annotations-of-an-image-*"),
)  # fmt: skip

ARRAYS: tuple[Guard, ...] = (
    never("arrays of objects", RAW, 'if "O" in kind:', "T27-an-array-of-objects"),
    never("pickles by their names", RAW, 'if any(PICKLES.match(name.rpartition("/")[2]) for name in names):', "T44-the-python-version-*", "T44-a-checkpoint"),
    guard("stray files among images", RAW, "if not names or not imagefolder.outweigh_images(container, CANDIDATE.search):", "if not names:", "T44-a-checkpoint-among-images"),
    uncaught("headers of arrays", RAW, "except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError) as error:", "T27-a-header-that-is-a-program", "T27-a-header-of-brackets", "T27-a-header-of-minus-signs"),
    guard("sizes of arrays", RAW, "0 <= side < 1 << 40", "True", "T27-a-header-of-the-wrong-shape"),
    guard("arrays that end too early", RAW, "> entry.size - found.first:", "> entry.size:", "T12-labels-that-end-too-early"),
    guard("arrays larger than their file", RAW, "> entry.size - found.first:", "> 1 << 99:", "T27-an-array-as-large-*", "T12-pictures-that-end-too-early", also=(SHORT_PICTURE,)),
    guard("bytes of a whole number", RAW, "[iu][1248]", "[iu]\\d{1,4}", "T27-labels-of-ten-thousand-*"),
    never("as many labels as pictures", RAW, "if labels.shape not in ((count,), (count, 1)):", "T27-fewer-labels-*"),
    never("kinds of numbers", RAW, "if item is None:", "T27-labels-with-a-point-in-an-array", "T22-pictures-of-floats"),
    never("pictures that are read", RAW, "if total > limits.max_members:", "T14-two-million-and-one-*", "T14-idx-of-four-*"),
    guard("as many labels as pictures in IDX", RAW, "count != marks or", "", "T29-idx-of-another-*"),
    guard("pictures that end too early", RAW, SHORT_PICTURE.text, SHORT_PICTURE.instead, "T12-idx-that-ends-*"),
    guard("the end of a gzip in an archive", f"{READERS}/streams.py", "elif not data and not decoder.eof:\n                raise cut()", "elif not data and not decoder.eof:\n                return", "T12-idx-in-a-gzip-*", also=(Edit(RAW, "if len(data) < block.picture.size:", "if False:"),)),
    never("whole pictures of CIFAR", RAW, "if entry.size % stride or not entry.size:", "T12-half-a-picture-*"),
    guard("names of classes of CIFAR", RAW, "return rows.label(classes[value[0]])", "return classes[value[0]]", "T24-a-nul-in-the-name-*"),
    never("labels beyond the classes", RAW, "if value[0] >= len(classes):", "T27-a-label-beyond-*"),
    never("rows of a Parquet file", PARQUET, "if footer.metadata.num_rows > limits.max_members:", "T16-more-rows-*", "T16-five-million-rows", also=(ROWS_OF_ALL,)),
    never("bytes of rows", PARQUET, "if left < 0:", "T16-a-dictionary-*"),
    guard("memory of rows", PARQUET, "        except MemoryError as error:\n", "        except ZeroDivisionError as error:\n", "T16-an-image-that-*", also=(Edit(PARQUET, "if left < 0:", "if False:"),)),
    never("rows that are not there", PARQUET, "if n != sum(self.groups):", "T16-fewer-rows-*"),
    uncaught("rows that are broken", PARQUET, "        except BROKEN as error:", "T12-a-parquet-file-with-zeros-*", "T16-a-text-that-is-no-text"),
    guard("footers that are broken", PARQUET, '    except BROKEN as error:\n        raise Problem("table-damaged", f"', '    except ZeroDivisionError as error:\n        raise Problem("table-damaged", f"', "T12-a-parquet-file-with-another-*", "T12-a-parquet-file-in-a-tar-*"),
    never("columns", PARQUET, "if image is None or label is None:", "T24-a-parquet-file-without-labels"),
    never("labels beyond the classes of Parquet", PARQUET, "if not 0 <= value < len(self.names):", "T16-bad-rows"),
    guard("classes without a name", PARQUET, "return self.names[value] or None", "return self.names[value]", "T24-a-class-without-a-name-*"),
    guard("paths in rows", PARQUET, "if out is None and len(name.encode()) > limits.max_path_bytes:", "if False:", "T10-a-path-of-70-kb-*"),
    guard("texts beside an image", PARQUET, "> rows.MOST_EXTRA:", "> 1 << 40:", "T16-a-text-of-two-million-*"),
    guard("labels of any kind", ROWS, ", default=str", "", "T27-labels-of-bytes"),
)  # fmt: skip

GUARDS: tuple[Guard, ...] = (*DECODING, *LABELS, *TABLES, *ARRAYS)
