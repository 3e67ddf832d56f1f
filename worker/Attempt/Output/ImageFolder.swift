import Ports
import RunSpec
import TrainerFiles

/// Pictures that were found in metric files, as files: `TAG_STEP.png`.
struct ImageFolder: Sendable {
    let path: String
    /// Files in it, once it was looked at.
    private var count: Int?
    /// Names that are new since they were last asked for; nil before an earlier run's were listed.
    private var fresh: [String]?

    static let mostImages = 10_000

    init(path: String) { self.path = path }

    /// Writes the picture, if it is not there.
    ///
    /// - Parameter base: added to the trainer's step.
    mutating func keep(_ image: RawImage, base: Int, _ files: any FileStore, _ notices: inout NoticeBook) throws {
        guard image.step >= 0, image.step <= Int64(ParameterValue.largestInteger) else { return }
        let name = Self.name(image, base: base)
        try list(files)
        if try !files.exists("\(path)/\(name)") {
            guard let held = count, held < Self.mostImages else {
                let tag = image.name.prefix(80)
                return notices.add(
                    .metricRecord,
                    "'\(tag)' is one picture too many: at most \(Self.mostImages) are kept of an attempt")
            }
            try files.makeFolder(path)
            try files.writeAtomically(image.bytes, to: "\(path)/\(name)")
            count = held + 1
        }
        fresh?.append(name)
    }

    /// Names of files that are new, those of an earlier run of the worker too.
    mutating func takeFresh(_ files: any FileStore) throws -> [String] {
        try list(files)
        defer { fresh = [] }
        return fresh ?? []
    }

    private mutating func list(_ files: any FileStore) throws {
        guard fresh == nil else { return }
        let names = try files.exists(path) ? try files.list(path).filter { !$0.hasSuffix(".tmp") } : []
        (fresh, count) = (names, names.count)
    }

    /// Letters that a file's name may have; where others than slashes were, a digest tells tags apart.
    private static func name(_ image: RawImage, base: Int) -> String {
        let tag = Array(image.name.utf8.prefix(100)).map { byte in
            byte == UInt8(ascii: "/") || !SafeName.isName("a" + String(decoding: [byte], as: UTF8.self))
                ? UInt8(ascii: "_") : byte
        }
        let isWhole = zip(tag, image.name.utf8).allSatisfy { $0 == $1 || $1 == UInt8(ascii: "/") }
        var name = String(decoding: tag, as: UTF8.self)
        if !isWhole || image.name.utf8.count > tag.count { name += "-\(ContentDigest.of(image.name).text.prefix(8))" }
        if name.isEmpty || name.hasPrefix(".") { name = "image" + name }
        let digits = String(image.step + Int64(base))
        return "\(name)_\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).\(image.format)"
    }
}
