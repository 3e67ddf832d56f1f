import CoreTensor
import RunSpec

/// Which pictures of a folder are held out of training: a function of the share, the pictures' names and, of
/// a small folder, the training's seed.
///
/// Pictures are put in an order that chance gives their names, so that neighbours in a numbered series are
/// not held out together. Of a large folder the first ones are held out, whatever the seed: results of
/// several seeds stay comparable. Of a small one too few would be held out to say anything, so seeds take
/// turns (k-fold): seed s holds out the (s mod k)-th part.
///
/// Each part has the same number of pictures, since otherwise seeds would train for different numbers of
/// steps. Where that number does not divide the folder's, the last part reaches round to the first pictures.
package struct HeldOutSplit: Equatable, Sendable {
    /// From so many pictures on the seed decides nothing.
    package static let large = 25

    /// Above 0, at most a half.
    package let share: Double
    package let seed: Int

    package init(share: Double, seed: Int) {
        precondition(share > 0 && share <= 0.5, "a share of \(share) held out")
        self.share = share
        self.seed = seed
    }

    /// How many of so many pictures are held out: the share, at least one, at most half of them; none of a
    /// single picture.
    package func size(of count: Int) -> Int {
        guard count > 1 else { return 0 }
        return max(1, min(Int((share * Double(count)).rounded()), count / 2))
    }

    /// After how many seeds every picture was held out; 1 where the seed decides nothing.
    package func folds(of count: Int) -> Int {
        guard count > 1, count < Self.large else { return 1 }
        return (count + size(of: count) - 1) / size(of: count)
    }

    /// Places of the held-out ones in the list of names, in the order of chance.
    ///
    /// - Parameter names: paths below the data folder, such as `10_cats/a.png`; all different.
    package func places(in names: [String]) -> [Int] {
        let order = names.indices.map { (rank: Self.rank(names[$0]), place: $0) }.sorted { a, b in
            a.rank == b.rank
                ? names[a.place].utf8.lexicographicallyPrecedes(names[b.place].utf8) : a.rank < b.rank
        }
        let (size, folds) = (size(of: names.count), folds(of: names.count))
        let start = (seed % folds + folds) % folds * size
        return (0..<size).map { order[(start + $0) % names.count].place }
    }

    private static func rank(_ name: String) -> Int {
        var random = RandomStream(seed: 0, purpose: "holdout/" + name)
        return random.integer(below: 1 << 62)
    }
}

extension ConceptDataSet {
    /// Pictures of a concept that are not trained on.
    package func heldOut(of concept: Int) -> [TrainingImage] { validation.filter { $0.concept == concept } }

    /// The set as training and evaluation see it: a share of each concept's pictures is held out, besides
    /// those of the folder `validation`. A concept with pictures of its own there keeps all others.
    ///
    /// - Parameter split: nil changes nothing.
    package func holdingOut(_ split: HeldOutSplit?) -> ConceptDataSet {
        guard let split else { return self }
        var remarks: [String] = []
        var held: [[TrainingImage]] = []
        for index in concepts.indices where heldOut(of: index).isEmpty {
            let own = images(of: index)
            held.append(split.places(in: own.map { relative($0.path) }).map { own[$0] })
            if own.count == 1 {
                remarks.append(
                    "\(DataFiles.shown("\(path)/\(concepts[index].folder)")): one picture, so none of it is held out; "
                        + "add pictures, or put some into the folder \(Self.validationName)")
            }
        }
        let paths = Set(held.flatMap { $0 }.map { Array($0.path.utf8) })
        // In turns over the concepts: the validation loss takes the first ones.
        let longest = held.map(\.count).max() ?? 0
        let turns = (0..<longest).flatMap { turn in held.compactMap { turn < $0.count ? $0[turn] : nil } }
        return ConceptDataSet(
            path: path, concepts: concepts, images: images.filter { !paths.contains(Array($0.path.utf8)) },
            validation: validation + turns, warnings: warnings + remarks, isGuessed: isGuessed,
            isNewlyRead: isNewlyRead, isNewlyNamed: isNewlyNamed)
    }

    private func relative(_ full: String) -> String {
        String(decoding: full.utf8.dropFirst(path.utf8.count + 1), as: UTF8.self)
    }
}
