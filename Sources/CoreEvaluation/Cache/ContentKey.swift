import CoreTensor
import Foundation
import ImageFiles

/// A 64-bit name for a cache entry, made from texts and the contents of files.
///
/// A mixing hash, not a cryptographic one: it keeps entries of different models and prompts apart, it proves
/// nothing.
package struct ContentKey: Sendable {
    /// What files did to keys before, by their paths, inodes, sizes and times: none is read twice while this
    /// is set.
    @TaskLocal package static var known: FeatureCache?

    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    package init() {}

    package var text: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Adds a text, told apart from its neighbours.
    package mutating func add(_ text: String) {
        mix(UInt64(text.utf8.count))
        for byte in text.utf8 { mix(UInt64(byte)) }
    }

    /// Adds a file's bytes, eight at a time.
    ///
    /// - Throws: `EvaluationError` with `file` for a file that cannot be read.
    package mutating func add(file path: String) throws {
        guard let known = Self.known, let file = FileIdentity(path: path), file.isSettled else {
            return try read(file: path)
        }
        var before = ContentKey()
        before.add("a file after another \(state)")
        before.add(file.text)
        if let halves = known.read(before), halves.count == 2 {
            state = UInt64(halves[0].bitPattern) << 32 | UInt64(halves[1].bitPattern)
            return
        }
        try read(file: path)
        known.keep(
            [UInt32(state >> 32), UInt32(truncatingIfNeeded: state)].map { Float(bitPattern: $0) }, before)
    }

    private mutating func read(file path: String) throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw EvaluationError(code: .file, message: "\(path): cannot be read (\(error.localizedDescription))")
        }
        mix(UInt64(data.count))
        data.withUnsafeBytes { bytes in
            let words = bytes.count / 8
            for word in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)) }
            for byte in bytes[(8 * words)...] { mix(UInt64(byte)) }
        }
    }

    /// The same of a file that need not be there.
    ///
    /// - Throws: `EvaluationError` with `file` for a file that is there and cannot be read.
    mutating func add(file path: String, ifThere: Bool) throws {
        if !ifThere || FileManager.default.fileExists(atPath: path) { try add(file: path) }
    }

    /// Adds numbers, bit for bit.
    package mutating func add(_ values: [Float]) {
        mix(UInt64(values.count))
        for value in values { mix(UInt64(value.bitPattern)) }
    }

    /// Adds the autoencoder of a base model; of one in a single file all of it.
    ///
    /// - Throws: `EvaluationError` with `file` for what cannot be read.
    package mutating func add(autoencoder base: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: base, isDirectory: &isFolder), isFolder.boolValue else {
            return try add(file: base)
        }
        try add(folder: "\(base)/vae")
    }

    /// Adds the text encoders of a base model; of one in a single file all of it.
    ///
    /// - Throws: `EvaluationError` with `file` for what cannot be read.
    package mutating func add(textEncoders base: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: base, isDirectory: &isFolder), isFolder.boolValue else {
            return try add(file: base)
        }
        for part in ["text_encoder", "text_encoder_2", "text_encoder_3"]
        where FileManager.default.fileExists(atPath: "\(base)/\(part)") {
            try add(folder: "\(base)/\(part)")
        }
    }

    /// Adds a picture's pixels.
    mutating func add(_ image: RGBImage) {
        mix(UInt64(image.width))
        mix(UInt64(image.height))
        add(image.pixels[...])
    }

    private mutating func add(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { bytes in
            let words = bytes.count / 8
            for word in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)) }
            for byte in bytes[(8 * words)...] { mix(UInt64(byte)) }
        }
    }

    /// Adds every file below a folder, by relative name and content.
    ///
    /// - Throws: `EvaluationError` with `file` for a folder or file that cannot be read.
    package mutating func add(folder: String) throws {
        guard let names = FileManager.default.subpaths(atPath: folder) else {
            throw EvaluationError(code: .file, message: "\(folder): not a folder that can be read")
        }
        for name in names.sorted() where name.hasSuffix(".safetensors") || name.hasSuffix(".json") {
            add(name)
            try add(file: "\(folder)/\(name)")
        }
    }

    /// Adds everything of a base model that decides its images.
    ///
    /// - Parameter path: a pipeline's folder, or one file.
    /// - Throws: `EvaluationError` with `file` for what cannot be read.
    package mutating func add(base path: String) throws {
        // Parts that were added later stand at the end, so that known bases keep their keys.
        let parts = [
            "unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler", "transformer",
            "text_encoder_3", "tokenizer_3",
        ]
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return try add(file: path)
        }
        for part in parts where FileManager.default.fileExists(atPath: "\(path)/\(part)") {
            try add(folder: "\(path)/\(part)")
        }
    }

    /// One round of the SplitMix64 finaliser over the running state.
    private mutating func mix(_ word: UInt64) {
        var z = (state ^ word) &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        state = z ^ (z >> 31)
    }
}
