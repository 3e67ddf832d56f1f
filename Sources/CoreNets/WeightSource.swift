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
}
