"""Why a file is not read, or not written.

The child process raises these too; they come back through the pipe by their code.
"""

from cardctl.errors import InputRefused, NotFound, StateForbids


class FileMissing(NotFound):
    """There is no file at that path."""

    code = "file-missing"
    message = "there is no file {file}"
    hint = "check the path; - reads stdin"


class FileIsFolder(InputRefused):
    """A folder stands where a file should."""

    code = "file-is-folder"
    message = "{file} is a folder, not a file"
    hint = "name the file inside it"


class FileUnreadable(InputRefused):
    """The file is there and cannot be read."""

    code = "file-unreadable"
    message = "{file} cannot be read: {reason}"
    hint = "check the owner and the permissions of the file"


class FileChanged(InputRefused):
    """The bytes of the file are not those that were hashed a moment ago."""

    code = "file-changed"
    message = "{file} changed while it was being read"
    hint = "wait until nothing writes to it, then run the same command again"


class FileEmpty(InputRefused):
    """There is not one byte in it, or not one cell."""

    code = "file-empty"
    message = "{file} is empty"
    hint = "check that the right file was named"


class FileTooLarge(InputRefused):
    """Reading it would take more memory or time than is allowed."""

    code = "file-too-large"
    message = "reading {file} takes more memory or time than is allowed"
    hint = "save it as CSV, or split it into several files"


class ReaderDied(InputRefused):
    """The child that parsed the file crashed."""

    code = "file-crashes-reader"
    message = "{file} made the reader crash; nothing of it was kept"
    hint = "open it in a spreadsheet program and save it anew, as .xlsx or CSV"


class FormatUnknown(InputRefused):
    """The content is none of the formats that are read."""

    code = "format-unknown"
    message = "{file} is no workbook (xlsx, xls) and no text table; it looks like {found}"
    hint = "save it as .xlsx or CSV"


class NoKeys(InputRefused):
    """A text without a header, and without one line like a key."""

    code = "no-keys"
    message = "{file} has no header and no line that reads as a key"
    hint = "say what a line looks like: --line '{{number}}----{{secret}}'"


class EncodingUnknown(InputRefused):
    """A text file that is neither UTF-8 nor GB 18030."""

    code = "encoding-unknown"
    message = "{file} is text in an encoding that is neither UTF-8 nor GB 18030"
    hint = "save it as CSV UTF-8"


class PasswordNeeded(InputRefused):
    """The file is encrypted and no password was given."""

    code = "password-needed"
    message = "{file} is protected by a password"
    hint = "give it with --password-source prompt, file:PATH or env:VAR"


class WrongPassword(InputRefused):
    """The password does not open the file."""

    code = "wrong-password"
    message = "the password does not open {file}"
    hint = "ask the supplier for the password of this very file"


class EncryptionUnknown(InputRefused):
    """Encrypted in a way that is not read."""

    code = "encryption-unknown"
    message = "{file} is encrypted in a way that cardctl does not read"
    hint = "open it in a spreadsheet program and protect it again with a password"


class FileDamaged(InputRefused):
    """Cut off, with flipped bits, or not what its format demands."""

    code = "file-damaged"
    message = "{file} is damaged or cut off ({part})"
    hint = "fetch it from the supplier again"


class ZipBomb(InputRefused):
    """It would inflate beyond every sense."""

    code = "zip-bomb"
    message = "{file} is a zip bomb: its part {part} inflates beyond what a workbook needs"
    hint = "do not open it; ask the supplier what was sent"


class ZipEncryptionUnknown(InputRefused):
    """A zip encrypted with AES, or in a way of one maker."""

    code = "zip-encryption-unknown"
    message = "{file} is a zip that is encrypted in a way cardctl does not read (AES)"
    hint = "unpack it with its password, and import the files in it"


class ZipWithoutTables(InputRefused):
    """A zip without one file that is a table."""

    code = "zip-without-tables"
    message = "{file} is a zip without one table in it"
    hint = "unpack it and look what was sent; a zip inside a zip is not opened"


class MembersDuplicate(InputRefused):
    """Two parts of one name: programs disagree on which of them counts."""

    code = "duplicate-members"
    message = "{file} holds the part {part} twice"
    hint = "open it in a spreadsheet program and save it anew"


class DocumentTypeRefused(InputRefused):
    """XML with a document type or entities, which no spreadsheet program writes."""

    code = "xml-dtd"
    message = "{file} holds a document type (DTD) in its part {part}"
    hint = "do not open it; ask the supplier what was sent"


class XmlEncodingRefused(InputRefused):
    """XML that is not UTF-8."""

    code = "xml-encoding"
    message = "{file} holds a part {part} that is not UTF-8"
    hint = "open it in a spreadsheet program and save it anew"


class CellOutOfRange(InputRefused):
    """A cell so far out that the sheet cannot be a table."""

    code = "cell-out-of-range"
    message = "{file} has a cell at {cell}, far beyond its table"
    hint = "copy the table into a new workbook and save that"


class SheetMissing(InputRefused):
    """A workbook without one sheet that holds anything."""

    code = "no-sheet"
    message = "{file} has no sheet with cells"
    hint = "open it in a spreadsheet program and look where the table is"


class SheetUnknown(InputRefused):
    """No sheet of the name that was asked for."""

    code = "sheet-unknown"
    message = "{file} has no sheet {sheet}; it has: {sheets}"
    hint = "give one of them with --sheet"


class SheetAmbiguous(InputRefused):
    """Several sheets hold cells."""

    code = "several-sheets"
    message = "{file} has several sheets: {sheets}"
    hint = "say which with --sheet"


class LineMalformed(InputRefused):
    """A line of a file of JSON lines that is no object, or not a plain one."""

    code = "line-malformed"
    message = "{file}, line {line}: it does not read as {expected}"
    hint = "correct the line"


class CsvMalformed(InputRefused):
    """A quoted cell of a csv that never ends, or goes on behind its quote."""

    code = "csv-malformed"
    message = "{file}, row {row}: a quoted cell does not end: the file was cut off here, or edited"
    hint = "export the file again"


class HeaderMissing(InputRefused):
    """No row within the first forty names the columns that are needed."""

    code = "header-missing"
    message = "no column for {missing} was found; the columns are: {found}"
    hint = "say which column it is: --map {example}=COLUMN"


class HeaderAmbiguous(InputRefused):
    """Two columns say they are the same thing."""

    code = "header-ambiguous"
    message = "several columns could be {field}: {columns}"
    hint = "say which one it is: --map {field}=COLUMN"


class MappedColumnMissing(InputRefused):
    """A column that --map names is not in the file."""

    code = "mapped-column-missing"
    message = "there is no column {column}; the columns are: {found}"
    hint = "give one of them: --map {field}=COLUMN"


class OutputExists(StateForbids):
    """A file is there already; it is never written over."""

    code = "output-exists"
    message = "{file} exists already"
    hint = "name another file, or add --yes to replace it"


class OutputUnwritable(InputRefused):
    """A file cannot be made there."""

    code = "output-unwritable"
    message = "{file} cannot be written: {reason}"
    hint = "check the folder and its permissions"


FROM_CHILD = {
    error.code: error
    for error in (
        FileEmpty,
        FileTooLarge,
        FormatUnknown,
        NoKeys,
        EncodingUnknown,
        PasswordNeeded,
        WrongPassword,
        EncryptionUnknown,
        FileDamaged,
        ZipBomb,
        ZipEncryptionUnknown,
        ZipWithoutTables,
        MembersDuplicate,
        DocumentTypeRefused,
        XmlEncodingRefused,
        CellOutOfRange,
        SheetMissing,
        SheetUnknown,
        SheetAmbiguous,
        LineMalformed,
        CsvMalformed,
    )
}
"""What the child may say of a file; anything else from it is a crash."""
