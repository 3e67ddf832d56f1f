import CoreTensor

extension Parameter {
    /// Uniform numbers in [-bound, bound), from the stream that the seed and the parameter's path name.
    package func fillUniform(bound: Float, seed: UInt64, path: String) {
        var stream = RandomStream(seed: seed, purpose: "initialise " + path)
        tensor.withMutableBuffer { memory in
            for i in memory.indices { memory[i] = (2 * stream.uniform() - 1) * bound }
        }
    }

    /// Normal numbers with mean 0, from the stream that the seed and the parameter's path name.
    package func fillNormal(deviation: Float, seed: UInt64, path: String) {
        var stream = RandomStream(seed: seed, purpose: "initialise " + path)
        stream.fillNormal(tensor)
        tensor.withMutableBuffer { memory in
            for i in memory.indices { memory[i] *= deviation }
        }
    }
}
