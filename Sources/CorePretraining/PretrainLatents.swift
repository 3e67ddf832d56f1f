import CoreData
import CoreDiffusion
import CoreTensor

/// Scaled latents of a corpus, each encoded alone when first asked for: training can begin at once.
final class PretrainLatents {
    private let vae: AutoencoderKL
    private let corpus: PretrainCorpus
    private var rows: [Int: Tensor] = [:]

    init(_ vae: AutoencoderKL, corpus: PretrainCorpus) {
        self.vae = vae
        self.corpus = corpus
    }

    /// - Returns: `[indices.count, h, w, channels]`.
    func batch(_ indices: [Int]) -> Tensor {
        withoutGradients { concatenateBatch(indices.map(latents)) }
    }

    private func latents(of index: Int) -> Tensor {
        if let known = rows[index] { return known }
        let fresh = vae.scaled(vae.encode(corpus.samples[index].image.tensor()).mean)
        rows[index] = fresh
        return fresh
    }
}
