import Foundation

/// Names of code points from UnicodeData.txt of the Unicode Character Database.
package struct UnicodeNames {
    package static let defaultPath = "/usr/share/unicode/UnicodeData.txt"

    private let names: [UInt32: String]

    /// - Throws: `DataError` for a file that is missing or has a line of another form.
    package init(path: String = defaultPath) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw DataError(
                code: .missing, message: "\(path): the Unicode names cannot be read; install the package unicode-data")
        }
        var names: [UInt32: String] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ";", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let code = UInt32(fields[0], radix: 16) else {
                throw DataError(
                    code: .malformed, message: "\(path): the line \"\(line.prefix(40))\" is not \"code;name;…\"")
            }
            // Names such as <control> mark ranges and characters without a name of their own.
            if !fields[1].hasPrefix("<") { names[code] = String(fields[1]) }
        }
        self.names = names
    }

    /// The name as a caption: lower case, hyphens as spaces.
    package func caption(of codePoint: UInt32) -> String? {
        names[codePoint]?.lowercased().replacing("-", with: " ")
    }
}
