/// Weights by name, as a file or another network offers them.
package protocol WeightSource {
    /// Where the weights come from, for messages.
    var label: String { get }
    /// Every name on offer, spelt as the module tree spells it; what is to be ignored is not listed.
    var names: [String] { get }
    /// The shape in file layout; nil if the name is not on offer.
    func shape(of name: String) -> [Int]?
    /// The values in file layout, as f32.
    func floats(_ name: String) throws -> [Float]
    /// Fills `out`, which has room for as many elements as the shape says, with the same.
    func read(_ name: String, into out: UnsafeMutableBufferPointer<Float>) throws
    /// What decides the values of every name: the files and their state; nil where nobody knows.
    var identity: String? { get }
}

extension WeightSource {
    package var identity: String? { nil }

    package func read(_ name: String, into out: UnsafeMutableBufferPointer<Float>) throws {
        _ = out.update(fromContentsOf: try floats(name))
    }
}
