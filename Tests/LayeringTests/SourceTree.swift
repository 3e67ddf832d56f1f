import Foundation

/// Reads the source tree this test was compiled from.
enum SourceTree {
    struct ImportLine {
        let file: String
        let number: Int
        let module: String
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func swiftFiles(in folders: [String]) throws -> [URL] {
        var files: [URL] = []
        for folder in folders {
            let base = root.appending(path: folder)
            for path in try FileManager.default.subpathsOfDirectory(atPath: base.path) where path.hasSuffix(".swift") {
                files.append(base.appending(path: path))
            }
        }
        return files.sorted { $0.path < $1.path }
    }

    /// Folders that hold Swift code of one module each.
    static func moduleFolders() throws -> [String] {
        var folders: [String] = []
        for parent in ["Sources", "coordinator", "worker"] {
            for name in try FileManager.default.contentsOfDirectory(atPath: root.appending(path: parent).path) {
                let folder = "\(parent)/\(name)"
                var isFolder: ObjCBool = false
                let path = root.appending(path: folder).path
                guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
                    continue
                }
                if try !swiftFiles(in: [folder]).isEmpty { folders.append(folder) }
            }
        }
        return folders
    }

    static func importLines(in folder: String) throws -> [ImportLine] {
        let pattern =
            /^\s*(?:@\w+\s+)*(?:package |public |internal |private |fileprivate )?import (?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+)/
        return try swiftFiles(in: [folder]).flatMap { file in
            try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated()
                .compactMap { index, line in
                    line.firstMatch(of: pattern).map {
                        ImportLine(file: file.lastPathComponent, number: index + 1, module: String($0.1))
                    }
                }
        }
    }
}
