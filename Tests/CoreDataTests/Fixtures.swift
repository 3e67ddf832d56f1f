import Foundation
import ImageFiles

enum Fixtures {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func path(_ name: String) -> String { folder.appending(path: name).path }
    static func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

    /// A folder that is deleted after `body`.
    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "radiata-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let result = Swift.Result { try body(folder.path) }
        try FileManager.default.removeItem(at: folder)
        return try result.get()
    }
}

/// A text file, with the folders around it.
func write(_ text: String, _ path: String) throws {
    try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

/// A picture of one colour, with the folders around it.
func picture(_ path: String, width: Int = 4, height: Int = 4, fill: RGBColor = .black) throws {
    try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try PNGFile.write(RGBImage(width: width, height: height, fill: fill), to: path)
}
