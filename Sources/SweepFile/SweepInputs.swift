package import SweepModel

/// What a sweep file refers to, looked up by whoever can: on the launching machine the file system, on the
/// coordinator the bundle that was posted.
package protocol SweepInputs {
    /// A text file: a trainer's template.
    ///
    /// - Parameter folder: where relative paths start first, if not at the sweep file.
    func file(_ path: String, besides folder: String?) throws -> FileLookup
    /// The profile of this name, or at this path.
    func profile(_ name: String) throws -> FileLookup
    /// A base model or a data set; without path and digest if nothing is there.
    func input(_ path: String, _ kind: InputKind) throws -> InputReference
}

/// What an input is to its sweep.
package enum InputKind: Hashable, Sendable { case base, data, regData, encoders }

/// A text file, or the places where it was not.
package enum FileLookup: Equatable, Sendable {
    case found(ResolvedFile)
    case missing(searched: [String])
}
