import { AjvCompiler, type ValidatorFactory } from '@fastify/ajv-compiler';
import { type SerializerFactory, SerializerSelector } from '@fastify/fast-json-stringify-compiler';

export interface Compilers {
  readonly buildValidator: ValidatorFactory;
  readonly buildSerializer: SerializerFactory;
}

type Validate = ReturnType<ReturnType<ValidatorFactory>>;

/**
 * Fastify's own compilers of schemas, each schema compiled when it is first needed: few of them are in the life of a process, and all of
 * them at the start are a third of a second of CPU.
 */
export function lazyCompilers(): Compilers {
  const validators = AjvCompiler();
  const serializers = SerializerSelector();
  return {
    buildValidator: (schemas, options) => {
      const compile = validators(schemas, options);
      return (route) => {
        let compiled: Validate | undefined;
        const validate = (value: unknown) => {
          compiled ??= compile(route);
          const verdict = compiled(value);
          // Where Fastify looks for what is wrong.
          Object.assign(validate, { errors: compiled.errors });
          return verdict;
        };
        return validate as Validate;
      };
    },
    buildSerializer: (schemas, options) => {
      const compile = serializers(schemas, options);
      return (route) => {
        let serialize: ReturnType<typeof compile> | undefined;
        return (value) => {
          serialize ??= compile(route);
          return serialize(value);
        };
      };
    },
  };
}
