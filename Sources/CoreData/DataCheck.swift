import CoreTensor
import ImageFiles
import RunSpec
import Synchronization

/// A data set as its trainer will find it, looked at before anything runs: read by the same code, every
/// picture decoded.
package struct DataCheck: Sendable {
    /// What is there of one concept.
    package struct Row: Equatable, Sendable {
        package let folder: String
        package let trigger: String
        package let className: String
        package let kind: ConceptKind
        /// Trained on.
        package let images: Int
        package let repeats: Int
        /// Taken out of training by a split.
        package let heldOut: Int

        /// The folder's name without its number.
        package var name: String { Concept.split(folder)?.name ?? folder }
    }

    package let path: String
    package let rows: [Row]
    /// Of the folder `validation`, never trained on.
    package let validationImages: Int
    /// Folders whose class word nobody wrote down.
    package let isGuessed: Bool
    /// All of them, in the order of the files.
    package let faults: [String]
    package let warnings: [String]
    /// The first generation of the reader gave other pictures or captions, or other triggers and class words.
    package let isNewlyRead: Bool
    package let isNewlyNamed: Bool
    /// Training images as they lie, with their visits an epoch.
    private let visits: [(size: PixelSize, repeats: Int)]

    /// - Parameters:
    ///   - threads: that decode pictures; nil leaves the pool as it is.
    ///   - split: which pictures are held out of training; nil for none. How many is the same for every seed.
    ///   - progress: pictures looked at, of how many; from any thread.
    package init(
        path: String, threads: Int? = nil, split: HeldOutSplit? = nil,
        progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) {
        self.path = path
        if let threads { Compute.configure(threads: threads) }
        var reading = DataReading(path: path)
        let whole = reading.read()
        let looks = Self.look(at: (whole?.images ?? []) + (whole?.validation ?? []), progress)
        let set = whole?.holdingOut(split)
        faults = reading.faults.map(\.message) + looks.compactMap(\.fault)
        warnings = (set?.warnings ?? []) + looks.compactMap(\.warning)
        isGuessed = set?.isGuessed ?? false
        isNewlyNamed = set?.isNewlyNamed ?? false
        isNewlyRead = set?.isNewlyRead == true || looks.contains(where: \.isNewlyRead)
        validationImages = whole?.validation.count ?? 0
        rows = (set?.concepts ?? []).enumerated().map { index, concept in
            Row(
                folder: concept.folder, trigger: concept.trigger, className: concept.className, kind: concept.kind,
                images: set?.images(of: index).count ?? 0, repeats: concept.repeats,
                heldOut: (whole?.images(of: index).count ?? 0) - (set?.images(of: index).count ?? 0))
        }
        let trained = Set((set?.images ?? []).map { Array($0.path.utf8) })
        visits = zip(whole?.images ?? [], looks).compactMap { image, look in
            guard trained.contains(Array(image.path.utf8)) else { return nil }
            return look.size.map { (size: $0, repeats: image.repeats) }
        }
    }

    /// What `concepts.yaml` would say of the set, with other class words.
    package func conceptFile(classNames: [String: String]) -> String {
        ConceptFile.format(
            rows.map { row in
                Concept(
                    folder: row.folder, trigger: row.trigger.isEmpty ? row.name : row.trigger,
                    className: classNames[row.folder] ?? row.className, kind: row.kind)
            })
    }

    package var images: Int { rows.reduce(0) { $0 + $1.images } }
    /// Visits of training images an epoch.
    package var samples: Int { rows.reduce(0) { $0 + $1.images * $1.repeats } }

    /// Steps of an epoch, as the trainer counts them.
    ///
    /// - Parameter buckets: nil where all pictures get one size.
    package func stepsPerEpoch(batch: Int, accumulation: Int = 1, buckets: BucketSizes? = nil) -> Int {
        let groups = buckets.map { buckets in
            Dictionary(grouping: visits) { buckets.bucket(of: $0.size) }.values.map { $0.reduce(0) { $0 + $1.repeats } }
        }
        let steps = (groups ?? [samples]).reduce(0) { $0 + ($1 + batch - 1) / batch }
        return (steps + accumulation - 1) / accumulation
    }

    private struct Look: Sendable {
        var size: PixelSize?
        var fault: String?
        var warning: String?
        var isNewlyRead = false
    }

    private static func look(
        at images: [TrainingImage], _ progress: @escaping @Sendable (Int, Int) -> Void
    ) -> [Look] {
        let found = Mutex([Look?](repeating: nil, count: images.count))
        let done = Mutex(0)
        Compute.parallel(images.count) { index in
            var look = Look()
            do {
                let picture = try ConceptDataSet.picture(images[index])
                look.size = PixelSize(width: picture.image.width, height: picture.image.height)
                look.warning = picture.warning
                look.isNewlyRead = picture.isNewlyRead || picture.isTall
                if let size = look.size { _ = try ConceptDataSet.source(of: images[index], size: size) }
            } catch {
                look.fault = "\(error)"
            }
            found.withLock { $0[index] = look }
            let count = done.withLock { done in
                done += 1
                return done
            }
            progress(count, images.count)
        }
        return found.withLock { $0.compactMap { $0 } }
    }
}

extension ImageFile.Decoded {
    /// At least twice as high as wide: when such a picture is made smaller to cover its bucket, the order of
    /// the passes is Pillow's since the second generation (`RGBImage.takesColumnsFirst`).
    var isTall: Bool { image.height >= 2 * image.width }
}
