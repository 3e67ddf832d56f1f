/// What this module refuses: adapter files that do not fit a network, and options that an algorithm cannot
/// use.
package struct AdapterError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// A key of a file that belongs to no layer of the network, or to no known algorithm.
        case unplacedKey
        /// A layer's keys do not make up an algorithm: one is missing.
        case incompleteLayer
        /// A tensor of a shape that the layer cannot take.
        case wrongShape
        /// Options that exclude each other, or that the algorithm does not have.
        case badOption
        /// A selection without any layer.
        case nothingSelected
        /// A training state of another adapter.
        case wrongState
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
