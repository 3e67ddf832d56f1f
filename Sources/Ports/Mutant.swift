#if MUTANTS
import Synchronization
#endif

/// Bugs made on purpose, by which the simulator proves that it would notice them. Only a build with
/// `RADIATA_MUTANTS=1` (`make mutants`) has them. In every other build `isOn` is the constant `false`, the
/// compiler removes what depends on it, and not even the names stay in the program.
///
/// Public, unlike all else here: only that is inlined in other modules, so that nothing of it stays there.
///
/// A mutant is one line where it stands, and its name stands in `Mutants.all` of the simulator.
public enum Mutant {
    #if MUTANTS
    /// Whether this build has mutants at all.
    public static let areBuilt = true

    private static let isAnyOn = Atomic(false)
    private static let names = Mutex<Set<String>>([])

    /// From now on exactly these are on.
    public static func use(_ wanted: Set<String>) {
        names.withLock { $0 = wanted }
        isAnyOn.store(!wanted.isEmpty, ordering: .relaxed)
    }

    public static func isOn(_ name: StaticString) -> Bool {
        isAnyOn.load(ordering: .relaxed) && names.withLock { $0.contains(name.description) }
    }
    #else
    public static let areBuilt = false

    public static func use(_ wanted: Set<String>) {}

    @inlinable @inline(__always)
    public static func isOn(_ name: StaticString) -> Bool { false }
    #endif
}

extension String {
    /// This text (of an SQL statement, as a rule); with the mutant on, `right` in it is replaced by `wrong`.
    #if MUTANTS
    public func mutant(_ name: StaticString, _ right: String, _ wrong: String) -> String {
        guard Mutant.isOn(name) else { return self }
        precondition(contains(right), "mutant \(name): '\(right)' does not stand in '\(self)'")
        return replacing(right, with: wrong)
    }
    #else
    @inlinable @inline(__always)
    public func mutant(
        _ name: StaticString, _ right: @autoclosure () -> String, _ wrong: @autoclosure () -> String
    ) -> String { self }
    #endif
}
