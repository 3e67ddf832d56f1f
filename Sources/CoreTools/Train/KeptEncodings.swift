import CoreDiffusion
import CoreEvaluation
import CoreTensor
import Foundation
import Glibc

/// What a base's autoencoder makes of pictures and its text encoders of captions, kept for other jobs of this
/// machine: many jobs of a sweep see the same.
///
/// Kept is only what the job would compute itself, bit for bit: by the same program, kernels and number of
/// threads, of the same weights and pixels or ids.
struct KeptEncodings {
    private let pictures: ContentKey
    private let captions: ContentKey
    private let cache: FeatureCache

    /// Of 512² pixels there are 131 KB a picture.
    private static let limit = 1 << 30

    /// - Parameters:
    ///   - base: a pipeline's folder, or one file.
    ///   - folder: is made.
    /// - Throws: `EvaluationError` with `file` for weights that cannot be read.
    init(base: String, folder: String) throws {
        var key = ContentKey()
        let machine = Compute.description
        key.add("\(machine.openBLASVersion) \(machine.kernel) \(machine.isa) \(machine.threads)")
        var program = stat()
        if stat("/proc/self/exe", &program) == 0 {
            key.add("\(program.st_size) \(program.st_mtim.tv_sec) \(program.st_mtim.tv_nsec)")
        }
        var (pictures, captions) = (key, key)
        try pictures.add(autoencoder: base)
        captions.add("captions")
        try captions.add(textEncoders: base)
        (self.pictures, self.captions) = (pictures, captions)
        cache = FeatureCache(folder: folder, limit: Self.limit)
    }

    /// - Parameters:
    ///   - pixels: of one picture.
    ///   - make: mean and logarithm of the variance, one behind the other.
    func posterior(of pixels: Tensor, make: () -> [Float]) -> [Float] {
        var key = pictures
        key.add("\(pixels.shape)")
        key.add(pixels.values)
        return found(key, make)
    }

    /// - Parameters:
    ///   - ids: of one caption.
    ///   - make: what the text encoders say.
    func caption(of ids: PromptIDs, clipSkip: Int, make: () -> [Float]) -> [Float] {
        var key = captions
        key.add("\(clipSkip) \(ids.first) \(ids.second) \(ids.third)")
        return found(key, make)
    }

    private func found(_ key: ContentKey, _ make: () -> [Float]) -> [Float] {
        if let known = cache.read(key) { return known }
        let made = make()
        cache.keep(made, key)
        return made
    }
}
