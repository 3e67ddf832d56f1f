package import ImageFiles
import RunSpec

/// A folder in kohya's layout: `N_name/` with images and captions of the same stem, visited N times an epoch.
///
/// A job trains all folders together. `concepts.yaml` beside the folders says what they are; without it
/// trigger and class word are taken from the folder's name (`ConceptGuess`).
package struct ConceptDataSet: Sendable {
    package let path: String
    package let concepts: [Concept]
    /// All images, sorted by path.
    package let images: [TrainingImage]
    /// Images that are never trained on: those of the folder `validation`, directly in it or in folders named
    /// like the others, then those that are held out (`holdingOut`).
    package let validation: [TrainingImage]
    /// What was left out or guessed: folders without a number of repeats, files that are no images, class
    /// words.
    package let warnings: [String]
    /// There is no `concepts.yaml`.
    package let isGuessed: Bool
    /// The first generation of this reader gave other captions (`InputReference.reading`).
    package let isNewlyRead: Bool
    /// It gave other triggers or class words, which evaluations alone see (`InputReference.evaluating`).
    package let isNewlyNamed: Bool

    /// - Throws: `DataError` with every fault, a line each.
    package init(path: String) throws {
        var reading = DataReading(path: path)
        let set = reading.read()
        guard let set, reading.faults.isEmpty else { throw DataError(all: reading.faults, path: path) }
        self = set
    }

    init(
        path: String, concepts: [Concept], images: [TrainingImage], validation: [TrainingImage], warnings: [String],
        isGuessed: Bool, isNewlyRead: Bool, isNewlyNamed: Bool
    ) {
        self.path = path
        self.concepts = concepts
        self.images = images
        self.validation = validation
        self.warnings = warnings
        self.isGuessed = isGuessed
        self.isNewlyRead = isNewlyRead
        self.isNewlyNamed = isNewlyNamed
    }

    package static let validationName = "validation"

    /// Images of one concept, in path order.
    package func images(of concept: Int) -> [TrainingImage] { images.filter { $0.concept == concept } }

    /// A training image in the size of its bucket.
    ///
    /// - Throws: `ImageFileError` for a picture that cannot be read, `DataError` for a file that cannot.
    package static func fitted(_ image: TrainingImage, to buckets: BucketSizes) throws -> FittedImage {
        let picture = try picture(image)
        let pixels = picture.image.composited()
        let size = buckets.bucket(of: PixelSize(width: pixels.width, height: pixels.height))
        var fitted = FittedImage(pixels, covering: size)
        fitted.warning = picture.warning
        return fitted
    }

    /// A training image as square pixels: centre crop, then resize.
    ///
    /// - Throws: `ImageFileError` for a picture that cannot be read, `DataError` for a file that cannot.
    package static func square(_ image: TrainingImage, resolution: Int) throws -> RGBImage {
        try picture(image).image.composited().squareCropped(side: resolution)
    }

    /// A training image in its own size.
    ///
    /// - Throws: `ImageFileError` for a picture that cannot be read, `DataError` for a file that cannot.
    package static func whole(_ image: TrainingImage) throws -> RGBImage { try picture(image).image.composited() }

    static func picture(_ image: TrainingImage) throws -> ImageFile.Decoded {
        try ImageFile.load(DataFiles.read(image.path), name: DataFiles.shown(image.path))
    }
}
