import CoreDiffusion
import CoreNets
import CoreTensor
import Testing

/// A U-Net whose matrices and filters are kept as half floats.
struct HalfWeightTests {
    private func network() -> UNet2DConditionModel {
        let unet = UNet2DConditionModel(
            configuration: UNetConfiguration(
                blockOutChannels: [32, 64], layersPerBlock: 1, heads: 4, crossAttentionWidth: 24, normGroups: 8))
        unet.initialize(seed: 4)
        return unet
    }

    private func answer(_ unet: UNet2DConditionModel) -> [Float] {
        var random = RandomStream(seed: 9, purpose: "half weights")
        let (sample, context) = (Tensor(uninitialized: [2, 10, 9, 4]), Tensor(uninitialized: [2, 7, 24]))
        random.fillNormal(sample)
        random.fillNormal(context)
        return withoutGradients { unet(sample: sample, timesteps: [3, 700], context: context).values }
    }

    @Test("the answer is that of the same values in f32, and only weights that lose nothing are changed unasked")
    func sameAnswer() throws {
        let (half, wide) = (network(), network())
        half.keepWeightsAsHalf()
        #expect(half.allParameters().allSatisfy { !$0.parameter.tensor.isHalf })
        half.keepWeightsAsHalf(rounding: true)
        #expect(half.allParameters().count { $0.parameter.tensor.isHalf } > 50)
        for (kept, other) in zip(half.allParameters(), wide.allParameters()) where kept.parameter.tensor.isHalf {
            try other.parameter.load(fileShape: kept.parameter.fileShape, floats: kept.parameter.fileValues().floats)
        }
        let (found, wanted) = (answer(half), answer(wide))
        let largest = wanted.map(abs).max()!
        #expect(zip(found, wanted).allSatisfy { abs($0 - $1) <= 5e-6 * largest })
        #expect(zip(found, answer(network())).contains { abs($0 - $1) > 1e-5 * largest })

        wide.keepWeightsAsHalf()
        #expect(wide.allParameters().count { $0.parameter.tensor.isHalf } > 50)
    }

    @Test("weights halved as they are set are those halved afterwards, and can be set again")
    func whenSet() throws {
        let (after, during) = (
            network(),
            UNet2DConditionModel(
                configuration: UNetConfiguration(
                    blockOutChannels: [32, 64], layersPerBlock: 1, heads: 4, crossAttentionWidth: 24, normGroups: 8))
        )
        after.keepWeightsAsHalf(rounding: true)
        during.keepWeightsAsHalfWhenSet(rounding: true)
        during.initialize(seed: 5)
        during.initialize(seed: 4)
        for (one, other) in zip(after.allParameters(), during.allParameters()) {
            #expect(one.parameter.tensor.isHalf == other.parameter.tensor.isHalf, "\(one.path)")
            #expect(one.parameter.fileValues().floats == other.parameter.fileValues().floats, "\(one.path)")
        }
    }
}
