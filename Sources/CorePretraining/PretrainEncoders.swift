import CoreData
import CoreDiffusion
import CoreNets
import CoreTensor
import ImageFiles

/// The encoders that evaluations use: a CLIP pair learns which caption belongs to which picture. Held-out
/// families take part (the encoders must see them apart); the generator never meets these weights.
struct PretrainEncoders {
    let clip: CLIPModel
    let tokenizer: CLIPTokenizer
    let corpus: PretrainCorpus
    let settings: PretrainSettings

    /// CLIP's constants; pixels in -1…1 become what the vision tower wants.
    static let pixelMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    static let pixelDeviation: [Float] = [0.26862954, 0.26130258, 0.27577711]

    /// Every eighth composition and every second concept picture is held back for the thresholds.
    static func isHeldBack(sample index: Int) -> Bool { index % 8 == 3 }
    static func isHeldBack(conceptItem index: Int) -> Bool { index % 2 == 1 }

    private enum Source {
        case sample(Int)
        case concept(Int, Int)
    }

    /// Pictures of each concept, and other things, that a step tells apart by class.
    private static let (classPictures, classRivals) = (4, 24)

    func loss(step: Int) -> Tensor {
        var stream = RandomStream(seed: settings.seed, purpose: "encoders batch", step: step)
        var images: [RGBImage] = []
        var captions: [String] = []
        var seen: Set<String> = []
        while images.count < settings.encoders.batch {
            let sample = self.sample(choose(&stream))
            // The same caption twice in a batch would be a wrong negative.
            guard seen.insert(sample.caption).inserted else { continue }
            images.append(Self.varied(sample.image, &stream))
            captions.append(sample.caption)
        }
        let logits = self.logits(imageRows(images), textRows(captions))
        let labels = Array(0..<captions.count)
        let pairs = scaled(
            add(
                softmaxCrossEntropy(logits, labels: labels),
                softmaxCrossEntropy(permuted(logits, [1, 0]), labels: labels)),
            by: 0.5)
        return add(pairs, scaled(classLoss(&stream), by: 0.5))
    }

    /// Pictures of the concepts against class words and captions of other things, and against the means of
    /// other pictures of the concepts and pictures of other things. Captions alone pull the pictures of one
    /// concept apart ("new moon", "full moon"), and the encoders have to know that they are the same thing.
    private func classLoss(_ stream: inout RandomStream) -> Tensor {
        let labels = corpus.concepts.indices.flatMap { Array(repeating: $0, count: Self.classPictures) }
        let rivals = (0..<Self.classRivals).map { _ in corpus.samples[chooseSample(&stream, plainShare: 0.5)] }
        let anchors = labels.map { conceptPicture($0, &stream) }
        let others = labels.map { conceptPicture($0, &stream) } + rivals.map { Self.varied($0.image, &stream) }
        let image = imageRows(anchors)
        let words = textRows(corpus.concepts.map(\.className) + rivals.map(\.caption))
        let means = normalizeRows(matmul(meansOfConcepts(among: others.count), imageRows(others)))
        return add(
            softmaxCrossEntropy(logits(image, words), labels: labels),
            softmaxCrossEntropy(logits(image, means), labels: labels))
    }

    /// A picture of the concept that is not held back for the thresholds, varied, mirrored half of the time.
    private func conceptPicture(_ concept: Int, _ stream: inout RandomStream) -> RGBImage {
        let samples = corpus.concepts[concept].samples
        let image = Self.varied(samples[2 * stream.integer(below: (samples.count + 1) / 2)].image, &stream)
        return stream.uniform() < 0.5 ? image.moved(right: 0, down: 0, mirrored: true) : image
    }

    /// The matrix that makes of rows (`classPictures` of each concept, then `classRivals` others) one mean
    /// for each concept and leaves the others as they are.
    private func meansOfConcepts(among rows: Int) -> Tensor {
        let concepts = corpus.concepts.count
        var values = [Float](repeating: 0, count: (concepts + Self.classRivals) * rows)
        for row in 0..<rows {
            let concept = row / Self.classPictures
            let isRival = concept >= concepts
            let mean = isRival ? concepts + row - concepts * Self.classPictures : concept
            values[mean * rows + row] = isRival ? 1 : 1 / Float(Self.classPictures)
        }
        return Tensor(values, [concepts + Self.classRivals, rows])
    }

    private func imageRows(_ images: [RGBImage]) -> Tensor {
        normalizeRows(clip.imageEmbeddings(Self.normalised(pixelBatch(images))))
    }

    private func textRows(_ captions: [String]) -> Tensor {
        normalizeRows(clip.textEmbeddings(ids: captions.map(tokenizer.encode)))
    }

    /// Scaled cosines of every row of one and every row of the other.
    private func logits(_ rows: Tensor, _ columns: Tensor) -> Tensor {
        let (height, width) = (rows.shape[0], columns.shape[0])
        let scale = exponential(clip.logitScale.tensor).reshaped([1])
        let similarities = matmul(rows, columns, transposeB: true).reshaped([height * width, 1])
        return scaleChannels(similarities, scale).reshaped([height, width])
    }

    /// A plain picture or a composed one that is not held back for the thresholds.
    private func chooseSample(_ stream: inout RandomStream, plainShare: Float) -> Int {
        if stream.uniform() < plainShare { return stream.integer(below: corpus.plain.count) }
        while true {
            let index = corpus.composed.lowerBound + stream.integer(below: corpus.composed.count)
            if !Self.isHeldBack(sample: index) { return index }
        }
    }

    /// Plain, composed and concept pictures, 40 : 40 : 20.
    private func choose(_ stream: inout RandomStream) -> Source {
        if stream.uniform() < 0.8 { return .sample(chooseSample(&stream, plainShare: 0.5)) }
        while true {
            let concept = stream.integer(below: corpus.concepts.count)
            let item = stream.integer(below: corpus.concepts[concept].samples.count)
            if !Self.isHeldBack(conceptItem: item) { return .concept(concept, item) }
        }
    }

    private func sample(_ source: Source) -> PretrainCorpus.Sample {
        switch source {
        case .sample(let index): corpus.samples[index]
        case .concept(let concept, let item): corpus.concepts[concept].samples[item]
        }
    }

    /// Moved by up to four pixels; sometimes softened, since generated pictures are softer than the
    /// originals.
    private static func varied(_ image: RGBImage, _ stream: inout RandomStream) -> RGBImage {
        let moved = image.moved(
            right: stream.integer(below: 9) - 4, down: stream.integer(below: 9) - 4, mirrored: false)
        let size = image.width
        switch stream.integer(below: 4) {
        case 0: return moved.resized(width: size / 2, height: size / 2).resized(width: size, height: size)
        case 1:
            let larger = size + 2 + stream.integer(below: 8)
            return moved.resized(width: larger, height: larger).squareCentre(size)
        default: return moved
        }
    }

    /// Pixels in -1…1 as the vision tower wants them.
    static func normalised(_ pixels: Tensor) -> Tensor {
        let out = Tensor(uninitialized: pixels.shape)
        withElements(pixels.reading, out.writing) { from, to in
            for index in 0..<pixels.count {
                let channel = index % 3
                to[index] = (from[index] * 0.5 + 0.5 - pixelMean[channel]) / pixelDeviation[channel]
            }
        }
        return out
    }

    /// Unit vectors of pictures, one row each.
    func imageVectors(_ images: [RGBImage]) -> [[Float]] {
        images.map { image in
            withoutGradients { normalizeRows(clip.imageEmbeddings(Self.normalised(image.tensor()))).values }
        }
    }

    /// Unit vectors of captions.
    func textVectors(_ captions: [String]) -> [[Float]] {
        captions.map { caption in
            withoutGradients { normalizeRows(clip.textEmbeddings(ids: [tokenizer.encode(caption)])).values }
        }
    }
}

extension RGBImage {
    /// The middle of the picture, `side` pixels wide and high.
    fileprivate func squareCentre(_ side: Int) -> RGBImage {
        cropped(x: (width - side) / 2, y: (height - side) / 2, width: side, height: side)
    }
}
