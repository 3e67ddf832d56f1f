import Foundation
import Glibc
package import ImageFiles

/// Images that several jobs need and that depend on the base alone, kept as PNG files in a folder that jobs
/// share.
///
/// A set of images appears whole, by a rename. Jobs of one machine that need the same sets at the same time
/// share the work: each takes the sets nobody is drawing, and waits only for what others have begun.
package struct ImageCache {
    private let folder: String

    /// - Throws: `EvaluationError` with `file` if the folder cannot be made.
    package init(folder: String) throws {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw EvaluationError(
                code: .file,
                message: "\(folder): the image cache cannot be made (\(error.localizedDescription)); name another")
        }
    }

    /// The sets of the given keys, in their order; those not kept yet are drawn by `draw` and kept.
    ///
    /// - Throws: what `draw` and `wait` throw; `EvaluationError` with `file` if the disk refuses.
    package func sets(
        _ keys: [String], draw: (_ index: Int) throws -> [RGBImage]
    ) throws -> [[RGBImage]] {
        var found = try keys.map { try read($0) }
        for wait in [false, true] {
            for (index, key) in keys.enumerated() where found[index] == nil {
                found[index] = try locked(key, wait: wait) {
                    if let kept = try read(key) { return kept }
                    let images = try draw(index)
                    try write(images, key)
                    // As read back: a first and a later job measure the same bytes.
                    return images
                }
            }
        }
        return found.map { $0 ?? [] }
    }

    /// The path of a set's first image; nil for a set that is not kept.
    package func firstImage(_ key: String) -> String? {
        let path = "\(folder)/\(key)/00000.png"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// Keeps a set that was drawn without `sets`; one that another process has kept meanwhile stays.
    ///
    /// - Throws: `EvaluationError` with `file` if the disk refuses.
    package func keep(_ images: [RGBImage], _ key: String) throws {
        guard firstImage(key) == nil else { return }
        do {
            try write(images, key)
        } catch {
            if firstImage(key) == nil { throw error }
        }
    }

    private func read(_ key: String) throws -> [RGBImage]? {
        let set = "\(folder)/\(key)"
        guard FileManager.default.fileExists(atPath: set) else { return nil }
        return try FileManager.default.contentsOfDirectory(atPath: set).filter { $0.hasSuffix(".png") }.sorted()
            .map { try ImageFile.read("\(set)/\($0)") }
    }

    private func write(_ images: [RGBImage], _ key: String) throws {
        let temporary = "\(folder)/.\(key).\(getpid()).tmp"
        if FileManager.default.fileExists(atPath: temporary) { try FileManager.default.removeItem(atPath: temporary) }
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        for (index, image) in images.enumerated() {
            let digits = String(index)
            let name = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
            try PNGFile.write(image, to: "\(temporary)/\(name).png")
        }
        guard rename(temporary, "\(folder)/\(key)") == 0 else {
            throw EvaluationError(
                code: .file, message: "\(folder)/\(key): cannot be put in place (\(String(cString: strerror(errno))))")
        }
    }

    /// Runs `body` while holding the set's lock; nil if another process holds it and `wait` is false.
    ///
    /// The lock dies with the process that holds it, so a killed job blocks nobody.
    private func locked<R>(_ key: String, wait: Bool, _ body: () throws -> R) throws -> R? {
        let path = "\(folder)/\(key).lock"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            throw EvaluationError(
                code: .file, message: "\(path): cannot be opened (\(String(cString: strerror(errno))))")
        }
        defer { close(file) }
        while flock(file, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return nil }
            guard errno == EINTR else {
                throw EvaluationError(
                    code: .file, message: "\(path): cannot be locked (\(String(cString: strerror(errno))))")
            }
        }
        return try body()
    }
}
