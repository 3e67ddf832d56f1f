import CoreData
import CoreDiffusion
import CoreTensor
import Foundation
import ImageFiles

/// The pictures and captions of pre-training, drawn once from the font: each emoji plain, and in some of the
/// compositions that captions can ask for. The same seed gives the same corpus.
struct PretrainCorpus {
    struct Sample {
        fileprivate let picture: PretrainPicture
        let caption: String
        /// Index into `entries`.
        let entry: Int
        let composition: Composition

        /// Drawn when first asked for.
        var image: RGBImage { picture.image }
    }

    /// What the generator trains on.
    let entries: [EmojiCatalogue.Entry]
    /// The first `entries.count` are the plain pictures in the order of `entries`; then come the
    /// compositions.
    let samples: [Sample]
    /// What sweeps are to teach: the held-out families and the icons.
    struct Concept {
        let name: String
        let className: String
        let samples: [Sample]
    }

    /// Only the encoders see some of these pictures.
    let concepts: [Concept]
    let tokenizerCaptions: [String]

    /// Entries that the generator sees most often.
    let everyday: [Int]
    /// Indices of their compositions among `samples`.
    let everydayComposed: [Int]

    var plain: Range<Int> { 0..<entries.count }
    var composed: Range<Int> { entries.count..<samples.count }

    /// - Parameters:
    ///   - conceptData: the folder of concepts held out, as `data/concepts`.
    ///   - excluded: code points left out because they look like a held-out picture.
    init(
        catalogue: EmojiCatalogue, conceptData: ConceptDataSet, excluded: Set<UInt32>, settings: PretrainSettings
    ) throws {
        let side = settings.imageSide
        let entries = catalogue.entries.filter { entry in
            !excluded.contains(entry.codePoint) && !HeldOutFamily.all.contains { $0.contains(entry) }
        }
        self.entries = entries
        let pictures = try entries.map { try catalogue.image($0).squared() }
        var samples = zip(entries, pictures).enumerated().map { index, pair in
            Sample(
                picture: PretrainPicture { Composition.plain.draw(pair.1, side: side) }, caption: pair.0.caption,
                entry: index, composition: .plain)
        }
        for index in entries.indices {
            var stream = RandomStream(seed: settings.seed, purpose: "corpus", item: Int(entries[index].codePoint))
            for composition in Self.compositions(of: index, in: entries, &stream) {
                let partner = Self.partner(in: composition, entries, pictures)
                let subject = pictures[index]
                samples.append(
                    Sample(
                        picture: PretrainPicture { composition.draw(subject, partner: partner, side: side) },
                        caption: composition.caption(of: entries[index].caption), entry: index, composition: composition
                    )
                )
            }
        }
        self.samples = samples
        everyday = entries.indices.filter { PretrainEverydayNames.all.contains(entries[$0].caption) }
        let chosen = Set(everyday)
        everydayComposed = samples.indices.filter { $0 >= entries.count && chosen.contains(samples[$0].entry) }
        concepts = try Self.concepts(conceptData, side: side)
        tokenizerCaptions =
            catalogue.entries.map(\.caption) + conceptData.images.map(\.caption)
            + Array(repeating: PromptTemplates.alter("") + PromptTemplates.style(""), count: 10).flatMap { $0 }
            + Placement.allCases.map { $0.caption(of: "") } + ["picture of", "image", "a the and with in on at of"]
    }

    private static func partner(
        in composition: Composition, _ entries: [EmojiCatalogue.Entry], _ pictures: [RGBAImage]
    ) -> RGBAImage? {
        guard case .pair(let name) = composition else { return nil }
        return entries.firstIndex { $0.caption == name }.map { pictures[$0] }
    }

    /// Two backdrops, two corners, two partners and three renderings for each emoji.
    private static func compositions(
        of index: Int, in entries: [EmojiCatalogue.Entry], _ stream: inout RandomStream
    ) -> [Composition] {
        var backdrops = Backdrop.allCases
        var corners = Placement.allCases
        var renderings = Rendering.allCases
        stream.shuffle(&backdrops)
        stream.shuffle(&corners)
        stream.shuffle(&renderings)
        let partners = (0..<2).map { _ in
            entries[(index + 1 + stream.integer(below: entries.count - 1)) % entries.count].caption
        }
        return backdrops.prefix(2).map(Composition.backdrop) + corners.prefix(2).map(Composition.placed)
            + partners.map { Composition.pair(with: $0) } + renderings.prefix(3).map(Composition.rendered)
    }

    /// Every concept picture under captions without triggers: a trigger means nothing here.
    private static func concepts(_ data: ConceptDataSet, side: Int) throws -> [Concept] {
        try data.concepts.enumerated().map { index, concept in
            let samples = try data.images(of: index).enumerated().map { item, image in
                let words =
                    concept.trigger.isEmpty
                    ? image.caption : image.caption.replacing("\(concept.trigger) ", with: "")
                let square = try ConceptDataSet.square(image, resolution: side)
                return Sample(
                    picture: PretrainPicture { square }, caption: words, entry: item,
                    composition: .plain)
            }
            return Concept(name: concept.name, className: concept.className, samples: samples)
        }
    }
}

/// A picture that is drawn when first asked for and then kept.
private final class PretrainPicture {
    private let draw: () -> RGBImage
    private(set) lazy var image = draw()

    init(_ draw: @escaping () -> RGBImage) { self.draw = draw }
}
